import { Type } from 'typebox';
import type { Database } from '#platform/database';
import { decodeCursor, PageOf, PageQuery, type RegisterRoutes, toPage } from '#platform/http-server';
import { notFound } from '#shared/errors';
import { closed, IdParams, nullable, Slug, Uuid } from '#shared/schema';
import { listDefinitions } from '../custom-fields/custom-field-store.ts';
import { pageLanguages } from '../messages/messages.ts';
import { pageTextIn } from '../pages/page-text.ts';
import { fieldViews, type Topic } from '../pages/reader-fields.ts';
import { formBodyOf } from '../pages/reader-input.ts';
import { maxTagLength, maxTags } from '../subscribers/subscriber-fields.ts';
import { embedForm } from './form-embed.ts';
import type { FormService } from './form-service.ts';
import { findForm, listForms } from './form-store.ts';
import type { SubscriptionForm } from './form-types.ts';

const maxFields = 30;

const properties = {
  slug: Type.String({ ...Slug, minLength: 1, description: 'The form stands at `/subscribe/<slug>`; `default` at `/subscribe` as well.' }),
  name: Type.String({ minLength: 1, maxLength: 200, description: 'For editors.' }),
  title: Type.String({ minLength: 1, maxLength: 200 }),
  intro: Type.String({ maxLength: 2000 }),
  consentStatement: Type.String({ minLength: 10, maxLength: 2000, description: 'What the reader agrees to; kept with each consent.' }),
  doubleOptIn: Type.Boolean({ description: 'Whether a mail asks for confirmation first. On unless told.' }),
  tags: Type.Array(Type.String({ maxLength: maxTagLength }), { maxItems: maxTags }),
  topics: Type.Array(Type.String({ maxLength: 80 }), { maxItems: 50, description: 'Slugs of categories.' }),
  fields: Type.Array(
    Type.Object({ field: Type.String({ maxLength: 60 }), required: Type.Optional(Type.Boolean({ default: false })) }, closed),
    { maxItems: maxFields, description: 'What it asks for beside the address: `name`, `topics`, …, or `custom:<name>`.' },
  ),
  language: Type.Enum([...pageLanguages]),
  redirectUrl: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    maxLength: 1000,
    description: 'An https address on a host that FORM_REDIRECT_HOSTS names.',
  }),
};

const { slug, name, title, consentStatement, language, ...others } = properties;
const NewFormBody = Type.Object({ slug, name, title, consentStatement, language, ...Type.Partial(Type.Object(others)).properties }, closed);
const FormChangeBody = Type.Object(Type.Partial(Type.Object(properties)).properties, { ...closed, minProperties: 1 });

const FormView = Type.Object({
  id: Uuid,
  slug: Type.String(),
  name: Type.String(),
  title: Type.String(),
  intro: Type.String(),
  consentStatement: Type.String(),
  doubleOptIn: Type.Boolean(),
  tags: Type.Array(Type.String()),
  topics: Type.Array(Type.String()),
  fields: Type.Array(Type.Object({ field: Type.String(), required: Type.Boolean() })),
  language: Type.String(),
  redirectUrl: nullable(Type.String()),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
});

const viewOf = ({ tags, topics, fields, createdAt, updatedAt, ...rest }: SubscriptionForm) => ({
  ...rest,
  tags: [...tags],
  topics: [...topics],
  fields: fields.map(({ field, required }) => ({ field, required })),
  createdAt: createdAt.toISOString(),
  updatedAt: updatedAt.toISOString(),
});

const blank = { intro: '', doubleOptIn: true, tags: [], topics: [], fields: [], redirectUrl: null };
const asked = (fields: readonly { readonly field: string; readonly required?: boolean }[]) =>
  fields.map(({ field, required = false }) => ({ field, required }));

type Dependencies = {
  readonly database: Database;
  readonly service: FormService;
  readonly baseUrl: string;
  readonly topics: readonly Topic[];
  readonly siteLanguage: string;
};

export function formRoutes({ database, service, baseUrl, topics, siteLanguage }: Dependencies): RegisterRoutes {
  const tagged = { tags: ['subscribers'] };
  return (app) => {
    app.get(
      '/api/v1/forms',
      {
        schema: {
          ...tagged,
          summary: 'Subscription forms, newest first',
          querystring: Type.Object(PageQuery, closed),
          response: { 200: PageOf(FormView) },
        },
        config: { access: 'subscribers:read' },
      },
      async ({ query: { limit = 20, cursor } }) => {
        const rows = await listForms(database.reads, decodeCursor(cursor), limit);
        return toPage(rows.map(viewOf), limit, ({ createdAt, id }) => ({ at: new Date(createdAt), id }));
      },
    );

    app.post(
      '/api/v1/forms',
      {
        schema: { ...tagged, summary: 'Make a subscription form', body: NewFormBody, response: { 201: FormView } },
        config: { access: 'subscribers:write' },
      },
      async ({ body }, reply) => {
        const form = await service.create({ ...blank, ...body, fields: asked(body.fields ?? []) });
        return reply.code(201).send(viewOf(form));
      },
    );

    app.get(
      '/api/v1/forms/:id',
      {
        schema: { ...tagged, summary: 'A subscription form', params: IdParams, response: { 200: FormView } },
        config: { access: 'subscribers:read' },
      },
      async ({ params: { id } }) => {
        const form = await findForm(database.reads, id);
        if (form === undefined) throw notFound('form', id);
        return viewOf(form);
      },
    );

    app.patch(
      '/api/v1/forms/:id',
      {
        schema: { ...tagged, summary: 'Change a subscription form', params: IdParams, body: FormChangeBody, response: { 200: FormView } },
        config: { access: 'subscribers:write' },
      },
      async ({ params: { id }, body: { fields, ...change } }) =>
        viewOf(await service.change(id, { ...change, ...(fields !== undefined && { fields: asked(fields) }) })),
    );

    app.delete(
      '/api/v1/forms/:id',
      {
        schema: {
          ...tagged,
          summary: 'Remove a subscription form',
          description: 'Who came by it stays, with the text that was shown.',
          params: IdParams,
          response: { 204: Type.Null() },
        },
        config: { access: 'subscribers:write' },
      },
      async ({ params: { id } }, reply) => {
        await service.remove(id);
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/api/v1/forms/:id/embed',
      {
        schema: {
          ...tagged,
          summary: 'A subscription form as HTML to put into any page',
          params: IdParams,
          response: { 200: Type.Object({ html: Type.String() }) },
        },
        config: { access: 'subscribers:read' },
      },
      async ({ params: { id } }) => {
        const form = await findForm(database.reads, id);
        if (form === undefined) throw notFound('form', id);
        const text = pageTextIn(form.language);
        const definitions = await listDefinitions(database.reads);
        const context = { text, topics, siteLanguage, definitions, values: formBodyOf(null), faults: [] };
        return { html: embedForm(form, baseUrl, text, fieldViews(form.fields, context)) };
      },
    );
  };
}
