import { Type } from 'typebox';
import { recordAudit } from '#platform/audit';
import type { Database } from '#platform/database';
import { actorOf, type RegisterRoutes } from '#platform/http-server';
import type { Clock } from '#shared/clock';
import { invalid, notFound } from '#shared/errors';
import { lineFaults, textFaults } from '../campaigns/drafts/draft-fields.ts';
import { TemplateBody, TemplateParams, TemplateQuery, TemplateView, templateView } from './mail-schema.ts';
import { deleteTemplate, findTemplate, listTemplates, saveTemplate } from './mail-template-store.ts';
import type { TransactionalMails } from './transactional-mails.ts';

const tags = ['transactional mails'];
const read = { access: 'campaigns:read' } as const;
const write = { access: 'campaigns:write' } as const;

export function mailTemplateRoutes(options: {
  readonly database: Database;
  readonly clock: Clock;
  readonly mails: Pick<TransactionalMails, 'render'>;
}): RegisterRoutes {
  const { database, clock, mails } = options;
  return (app) => {
    app.get(
      '/api/v1/transactional-templates',
      {
        schema: {
          tags,
          summary: 'Transactional templates by name',
          querystring: TemplateQuery,
          response: { 200: Type.Object({ items: Type.Array(TemplateView) }) },
        },
        config: read,
      },
      async ({ query: { after = '', limit = 20 } }) => ({ items: (await listTemplates(database.reads, after, limit)).map(templateView) }),
    );

    app.get(
      '/api/v1/transactional-templates/:name',
      { schema: { tags, summary: 'A transactional template', params: TemplateParams, response: { 200: TemplateView } }, config: read },
      async ({ params: { name } }) => templateView(await findTemplate(database.reads, name)),
    );

    app.put(
      '/api/v1/transactional-templates/:name',
      {
        schema: {
          tags,
          summary: 'Write a transactional template',
          description: 'Given sample variables, it is tried with them first; what cannot be filled in is not kept.',
          params: TemplateParams,
          body: TemplateBody,
          response: { 200: TemplateView },
        },
        config: write,
      },
      async (request) => {
        const { subject, html = '', text = '', sample } = request.body;
        const { name } = request.params;
        const faults = [...lineFaults('/subject', subject), ...textFaults('/html', html), ...textFaults('/text', text)];
        if (html.trim() === '' && text.trim() === '') faults.push({ path: '/html', message: 'is required, or text' });
        if (faults.length > 0) throw invalid('The template is not valid.', faults);
        const source = { subject, html, text };
        if (sample !== undefined) await mails.render(source, sample);
        const actor = actorOf(request);
        const saved = await database.transaction(async (tx) => {
          const entry = { id: clock.newId(), at: clock.now(), actor, action: 'transactional-template.written' };
          await recordAudit(tx, { ...entry, subject: `transactional-template:${name}` });
          return saveTemplate(tx, name, source, actor, clock.now());
        });
        return templateView(saved);
      },
    );

    app.delete(
      '/api/v1/transactional-templates/:name',
      {
        schema: { tags, summary: 'Delete a transactional template', params: TemplateParams, response: { 204: Type.Null() } },
        config: write,
      },
      async (request, reply) => {
        const { name } = request.params;
        await database.transaction(async (tx) => {
          if ((await deleteTemplate(tx, name)) === 0) throw notFound('transactional template', name);
          const entry = { id: clock.newId(), at: clock.now(), actor: actorOf(request), action: 'transactional-template.deleted' };
          await recordAudit(tx, { ...entry, subject: `transactional-template:${name}` });
        });
        return reply.code(204).send(null);
      },
    );
  };
}
