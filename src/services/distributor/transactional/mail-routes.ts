import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { actorOf, decodeCursor, PageOf, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import { closed, IdParams } from '#shared/schema';
import { KeyHeader, MailResolutionBody, MailStatus, MailView, mailView, NewMailBody } from './mail-schema.ts';
import { getMail, listMails } from './mail-store.ts';
import type { TransactionalMails } from './transactional-mails.ts';

const tags = ['transactional mails'];
const read = { access: 'campaigns:read' } as const;
const write = { access: 'campaigns:write' } as const;
const defaultLimit = 20;

export function transactionalMailRoutes({
  database,
  mails,
}: {
  readonly database: Database;
  readonly mails: TransactionalMails;
}): RegisterRoutes {
  return (app) => {
    app.post(
      '/api/v1/transactional-mails',
      {
        schema: {
          tags,
          summary: 'Send one mail to one person',
          description:
            'Goes to readers who unsubscribed too, since they asked for it in another way, but never to a suppressed address. ' +
            'With the same Idempotency-Key again it answers the first mail, for 90 days.',
          headers: KeyHeader,
          body: NewMailBody,
          response: { 202: MailView },
        },
        config: write,
      },
      async (request, reply) => {
        const caller = { id: request.apiKey?.id ?? 'public', key: request.headers['idempotency-key'] };
        const mail = await mails.accept(request.body, caller);
        return reply.code(202).header('location', `/api/v1/transactional-mails/${mail.id}`).send(mailView(mail));
      },
    );

    app.get(
      '/api/v1/transactional-mails',
      {
        schema: {
          tags,
          summary: 'Transactional mails, newest first',
          querystring: Type.Object({ ...PageQuery, status: Type.Optional(MailStatus) }, closed),
          response: { 200: PageOf(MailView) },
        },
        config: read,
      },
      async ({ query: { status, cursor, limit = defaultLimit } }) => {
        const rows = await listMails(database.reads, { status, before: decodeCursor(cursor), limit });
        const page = toPage(rows, limit, ({ createdAt, id }) => ({ at: createdAt, id }));
        return { ...page, items: page.items.map(mailView) };
      },
    );

    app.get(
      '/api/v1/transactional-mails/:id',
      { schema: { tags, summary: 'What became of a transactional mail', params: IdParams, response: { 200: MailView } }, config: read },
      async ({ params: { id } }) => mailView(await getMail(database.reads, id)),
    );

    app.post(
      '/api/v1/transactional-mails/:id/resolve',
      {
        schema: {
          tags,
          summary: 'Say what became of an uncertain mail',
          params: IdParams,
          body: MailResolutionBody,
          response: { 200: MailView },
        },
        config: write,
      },
      async (request) => mailView(await mails.resolve(request.params.id, request.body.outcome, actorOf(request))),
    );
  };
}
