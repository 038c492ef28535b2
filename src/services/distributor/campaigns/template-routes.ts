import { type Static, Type } from 'typebox';
import type { Database } from '#platform/database';
import { actorOf, decodeCursor, PageOf, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import { closed } from '#shared/schema';
import * as store from './template-store.ts';
import type { Templates } from './templates.ts';

const uuid = Type.String({ format: 'uuid', maxLength: 36 });
const time = Type.String({ format: 'date-time' });
const maxTemplateLength = 200_000;
const name = Type.String({
  pattern: '^[a-z0-9][a-z0-9_-]*$',
  maxLength: 60,
  description: 'Lower-case letters, digits, dashes and underscores.',
});
const content = {
  description: Type.String({ maxLength: 500 }),
  mjml: Type.String({ minLength: 1, maxLength: maxTemplateLength, description: 'MJML with Liquid.' }),
  textTemplate: Type.String({ maxLength: maxTemplateLength, description: 'Liquid. Empty: derived from what the issue carries.' }),
};
const version = Type.Integer({ minimum: 1, maximum: 2_000_000_000 });

const TemplateSummary = Type.Object({
  id: uuid,
  name: Type.String(),
  description: Type.String(),
  isBuiltIn: Type.Boolean({ description: 'Comes with the engine and is read-only; it can be copied.' }),
  version,
  updatedBy: Type.String(),
  createdAt: time,
  updatedAt: time,
});
const TemplateView = Type.Object({ ...TemplateSummary.properties, mjml: Type.String(), textTemplate: Type.String() });
const VersionView = Type.Object({
  version,
  description: Type.String(),
  mjml: Type.String(),
  textTemplate: Type.String(),
  createdBy: Type.String(),
  createdAt: time,
});
const Faults = Type.Object({
  faults: Type.Array(
    Type.Object({
      file: Type.Union([Type.String(), Type.Null()]),
      line: Type.Union([Type.Integer(), Type.Null()]),
      message: Type.String(),
    }),
  ),
});

const NewTemplateBody = Type.Object(
  {
    name,
    description: Type.Optional(content.description),
    mjml: Type.Optional(content.mjml),
    textTemplate: Type.Optional(content.textTemplate),
    copyOf: Type.Optional(Type.String({ maxLength: 100, description: 'Name of a template whose content is taken where none is given.' })),
  },
  closed,
);
const ChangeBody = Type.Object(
  {
    version: Type.Integer({ minimum: 1, maximum: 2_000_000_000, description: 'That the change was made on.' }),
    description: Type.Optional(content.description),
    mjml: Type.Optional(content.mjml),
    textTemplate: Type.Optional(content.textTemplate),
  },
  closed,
);
const ValidateBody = Type.Object(
  { name: Type.Optional(name), mjml: content.mjml, textTemplate: Type.Optional(content.textTemplate) },
  closed,
);
const IdParams = Type.Object({ id: uuid });
const VersionParams = Type.Object({ id: uuid, version });

const defaultLimit = 20;
const tags = ['newsletter templates'];
const root = '/api/v1/newsletter-templates';
const read = { access: 'campaigns:read' } as const;
const write = { access: 'campaigns:write' } as const;
const compiling = { access: 'campaigns:write', cost: 'expensive' } as const;

function summaryOf({ mjml: _, textTemplate: __, createdAt, updatedAt, ...template }: store.Template): Static<typeof TemplateSummary> {
  return { ...template, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
const viewOf = (template: store.Template): Static<typeof TemplateView> => ({
  ...summaryOf(template),
  mjml: template.mjml,
  textTemplate: template.textTemplate,
});

export function templateRoutes(options: {
  readonly database: Database;
  readonly templates: Templates;
  /** Resolves when the templates that come with the engine are in the database. */
  readonly ensureTemplates: () => Promise<void>;
}): RegisterRoutes {
  const { database, templates, ensureTemplates } = options;
  return (app) => {
    app.get(
      root,
      {
        schema: {
          tags,
          summary: 'Newsletter templates, newest first',
          querystring: Type.Object(PageQuery, closed),
          response: { 200: PageOf(TemplateSummary) },
        },
        config: read,
      },
      async ({ query: { cursor, limit = defaultLimit } }) => {
        await ensureTemplates();
        const rows = await store.listTemplates(database, { before: decodeCursor(cursor), limit });
        const page = toPage(rows, limit, ({ createdAt, id }) => ({ at: createdAt, id }));
        return { ...page, items: page.items.map(summaryOf) };
      },
    );
    app.post(
      root,
      {
        schema: {
          tags,
          summary: 'Add a template, or copy one',
          description: 'It is compiled before it is kept: 422 names the fault and its line.',
          body: NewTemplateBody,
          response: { 201: TemplateView },
        },
        config: compiling,
      },
      async (request, reply) => {
        await ensureTemplates();
        const template = await templates.create(request.body, actorOf(request));
        return reply.code(201).header('location', `${root}/${template.id}`).send(viewOf(template));
      },
    );
    app.post(
      `${root}/validate`,
      {
        schema: { tags, summary: 'Check a template; nothing is kept', body: ValidateBody, response: { 200: Faults } },
        config: { ...read, cost: 'expensive' },
      },
      async ({ body: { name: given = 'template', mjml, textTemplate = '' } }) => {
        const fault = await templates.validate({ name: given, mjml, textTemplate });
        return { faults: fault === undefined ? [] : [fault] };
      },
    );
    app.get(
      `${root}/:id`,
      { schema: { tags, summary: 'A template', params: IdParams, response: { 200: TemplateView } }, config: read },
      async ({ params: { id } }) => viewOf(await store.findTemplate(database, id)),
    );
    app.patch(
      `${root}/:id`,
      {
        schema: {
          tags,
          summary: 'Change a template of your own',
          description: 'What it was is kept. 409 when it has changed since, or comes with the engine.',
          params: IdParams,
          body: ChangeBody,
          response: { 200: TemplateView },
        },
        config: compiling,
      },
      async (request) => viewOf(await templates.change(request.params.id, request.body, actorOf(request))),
    );
    app.delete(
      `${root}/:id`,
      {
        schema: { tags, summary: 'Delete a template that no campaign uses', params: IdParams, response: { 204: Type.Null() } },
        config: write,
      },
      async (request, reply) => {
        await templates.remove(request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );
    app.get(
      `${root}/:id/versions`,
      {
        schema: {
          tags,
          summary: `What a template was, newest first; the last ${store.maxVersionsKept}`,
          params: IdParams,
          response: { 200: Type.Object({ items: Type.Array(VersionView) }) },
        },
        config: read,
      },
      async ({ params: { id } }) => {
        await store.findTemplate(database, id);
        const items = await store.listTemplateVersions(database, id);
        return { items: items.map((item) => ({ ...item, createdAt: item.createdAt.toISOString() })) };
      },
    );
    app.post(
      `${root}/:id/versions/:version/restore`,
      {
        schema: { tags, summary: 'Go back to an earlier version', params: VersionParams, response: { 200: TemplateView } },
        config: compiling,
      },
      async (request) => viewOf(await templates.restore(request.params.id, request.params.version, actorOf(request))),
    );
  };
}
