import { Type } from 'typebox';
import type { Database } from '#platform/database';
import type { RegisterRoutes } from '#platform/http-server';
import { invalid } from '#shared/errors';
import { closed, IdParams, Uuid } from '#shared/schema';
import { findTextFault } from '../subscribers/subscriber-fields.ts';
import type { CustomFieldService } from './custom-field-service.ts';
import { listDefinitions } from './custom-field-store.ts';
import { type CustomFieldDefinition, customFieldNamePattern, customFieldTypes, maxChoiceLength, maxChoices } from './custom-field-types.ts';

const maxLabelLength = 100;

const label = Type.String({ minLength: 1, maxLength: maxLabelLength, description: 'What readers and editors see.' });
const choices = Type.Array(Type.String({ minLength: 1, maxLength: maxChoiceLength }), {
  maxItems: maxChoices,
  description: 'The values of a field of the type `choice`.',
});
const readerEditable = Type.Boolean({ description: 'Whether readers see and change it on the page of their preferences.' });

const NewDefinitionBody = Type.Object(
  {
    name: Type.String({
      pattern: customFieldNamePattern,
      maxLength: 50,
      description: 'Names the value in `customFields`, in templates and in segments; it cannot be changed.',
    }),
    label,
    type: Type.Enum([...customFieldTypes]),
    choices: Type.Optional(choices),
    readerEditable: Type.Optional(readerEditable),
  },
  closed,
);

const DefinitionChangeBody = Type.Object(
  { label: Type.Optional(label), choices: Type.Optional(choices), readerEditable: Type.Optional(readerEditable) },
  { ...closed, minProperties: 1 },
);

const DefinitionView = Type.Object({
  id: Uuid,
  name: Type.String(),
  label: Type.String(),
  type: Type.String({ enum: [...customFieldTypes] }),
  choices: Type.Array(Type.String()),
  readerEditable: Type.Boolean(),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
});

const viewOf = ({ createdAt, updatedAt, choices: all, ...rest }: CustomFieldDefinition) => ({
  ...rest,
  choices: [...all],
  createdAt: createdAt.toISOString(),
  updatedAt: updatedAt.toISOString(),
});

function checkLabel(text: string | undefined): void {
  const fault = text === undefined ? undefined : findTextFault(text, maxLabelLength);
  if (fault !== undefined) throw invalid(`The label ${fault}.`, [{ path: '/label', message: fault }]);
}

const tagged = { tags: ['subscribers'] };

export function customFieldRoutes({
  database,
  service,
}: {
  readonly database: Database;
  readonly service: CustomFieldService;
}): RegisterRoutes {
  return (app) => {
    app.get(
      '/api/v1/custom-fields',
      {
        schema: {
          ...tagged,
          summary: 'The custom fields of subscribers, by name',
          response: { 200: Type.Object({ items: Type.Array(DefinitionView) }) },
        },
        config: { access: 'subscribers:read' },
      },
      async () => ({ items: (await listDefinitions(database.reads)).map(viewOf) }),
    );

    app.post(
      '/api/v1/custom-fields',
      {
        schema: { ...tagged, summary: 'Define a custom field of subscribers', body: NewDefinitionBody, response: { 201: DefinitionView } },
        config: { access: 'subscribers:write' },
      },
      async ({ body }, reply) => {
        checkLabel(body.label);
        const created = await service.create({ choices: [], readerEditable: false, ...body });
        return reply.code(201).send(viewOf(created));
      },
    );

    app.patch(
      '/api/v1/custom-fields/:id',
      {
        schema: {
          ...tagged,
          summary: 'Change a custom field',
          description: 'Its name and type stay. A choice that a subscriber has cannot be taken away.',
          params: IdParams,
          body: DefinitionChangeBody,
          response: { 200: DefinitionView },
        },
        config: { access: 'subscribers:write' },
      },
      async ({ params: { id }, body }) => {
        checkLabel(body.label);
        return viewOf(await service.change(id, body));
      },
    );

    app.delete(
      '/api/v1/custom-fields/:id',
      {
        schema: {
          ...tagged,
          summary: 'Remove a custom field',
          description: 'Refused while subscribers have values of it, unless `?values=delete` has them go as well.',
          params: IdParams,
          querystring: Type.Object({ values: Type.Optional(Type.Enum(['delete'])) }, closed),
          response: { 204: Type.Null() },
        },
        config: { access: 'subscribers:write' },
      },
      async ({ params: { id }, query }, reply) => {
        await service.remove(id, { withValues: query.values === 'delete' });
        return reply.code(204).send(null);
      },
    );
  };
}
