import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { decodeCursor, encodeCursor, type HttpServer, type RegisterRoutes } from '#platform/http-server';
import { isLocalCaller } from './mailbox-access.ts';
import { renderListPage, renderMessagePage, renderNoticePage } from './mailbox-pages.ts';
import { countMessages, findMessage, listMessages, type MailboxMessage } from './mailbox-store.ts';
import { mailboxStyles } from './mailbox-styles.ts';
import { readMessage } from './readable-message.ts';

const pageSize = 50;
const pagePolicy = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
// What a mail says is shown, and does nothing: no script, no form, no plug-in; it can neither read nor move our page.
const messagePolicy =
  "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src 'self' data: http: https:; style-src 'unsafe-inline'; frame-ancestors 'self'";

const idPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function sendPage(reply: FastifyReply, html: string, status = 200): FastifyReply {
  return reply
    .code(status)
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', pagePolicy)
    .header('referrer-policy', 'no-referrer')
    .send(html);
}

/** The pages on which the embedded mailbox's mail is read, for people at this machine only. */
export function mailboxRoutes({ database }: { readonly database: Database }): RegisterRoutes {
  return async (app) => {
    await app.register(async (scope) => {
      scope.addHook('onRequest', async (request, reply) => {
        if (isLocalCaller(request)) return;
        return sendPage(
          reply,
          renderNoticePage('Not from here', 'The mailbox is shown only to a browser on the machine that the engine runs on.'),
          403,
        );
      });
      registerPages(scope as HttpServer, database);
    });
  };
}

function registerPages(app: HttpServer, database: Database): void {
  const config = { access: 'public', isPage: true } as const;
  const hidden = { hide: true } as const;
  const byId = { config, schema: { ...hidden, params: Type.Object({ id: Type.String({ maxLength: 100 }) }) } };

  const withMessage =
    (show: (message: MailboxMessage, reply: FastifyReply) => Promise<FastifyReply>) =>
    async (request: FastifyRequest<{ Params: { id: string } }>, reply: FastifyReply) => {
      const { id } = request.params;
      const message = idPattern.test(id) ? await findMessage(database, id) : undefined;
      if (message !== undefined) return show(message, reply);
      return sendPage(reply, renderNoticePage('No such mail', 'It may have been removed: only the newest mail is kept.'), 404);
    };

  const listQuery = Type.Object({
    q: Type.Optional(Type.String({ maxLength: 254 })),
    cursor: Type.Optional(Type.String({ maxLength: 500 })),
  });

  app.get('/mailbox', { config, schema: { ...hidden, querystring: listQuery } }, async (request, reply) => {
    // No address has a NUL, and PostgreSQL cannot look for one.
    const search = (request.query.q ?? '').replaceAll('\u0000', '').trim();
    const rows = await listMessages(database, { search, before: decodeCursor(request.query.cursor), limit: pageSize });
    const messages = rows.slice(0, pageSize);
    const last = messages.at(-1);
    const urlOf = (parameters: Record<string, string>) => {
      const query = new URLSearchParams({ ...(search !== '' && { q: search }), ...parameters }).toString();
      return query === '' ? '/mailbox' : `/mailbox?${query}`;
    };
    const olderUrl =
      rows.length > pageSize && last !== undefined ? urlOf({ cursor: encodeCursor({ at: last.receivedAt, id: last.id }) }) : null;
    const newestUrl = request.query.cursor === undefined ? null : urlOf({});
    return sendPage(reply, renderListPage({ messages, search, total: await countMessages(database), olderUrl, newestUrl }));
  });

  app.get('/mailbox/style.css', { config, schema: hidden }, async (_request, reply) =>
    reply.type('text/css; charset=utf-8').header('cache-control', 'public, max-age=3600').send(mailboxStyles),
  );

  app.get(
    '/mailbox/:id',
    byId,
    withMessage(async (message, reply) => sendPage(reply, renderMessagePage(message, await readMessage(message.raw)))),
  );

  app.get(
    '/mailbox/:id/html',
    byId,
    withMessage(async (message, reply) =>
      reply
        .type('text/html; charset=utf-8')
        .header('cache-control', 'no-store')
        .header('content-security-policy', messagePolicy)
        .send((await readMessage(message.raw)).html),
    ),
  );

  app.get(
    '/mailbox/:id/text',
    byId,
    withMessage(async (message, reply) =>
      reply
        .type('text/plain; charset=utf-8')
        .header('cache-control', 'no-store')
        .send((await readMessage(message.raw)).text),
    ),
  );

  app.get(
    '/mailbox/:id/raw',
    byId,
    withMessage(async (message, reply) =>
      reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store').send(message.raw.toString('utf8')),
    ),
  );
}
