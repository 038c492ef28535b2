import { type TSchema, Type } from 'typebox';
import { Errors } from 'typebox/value';
import type { FieldFault } from '#shared/errors';
import { closed, Uuid } from '#shared/schema';
import { maxSteps } from './check-definition.ts';

const StepId = Type.String({ pattern: '^[a-z0-9][a-z0-9_-]*$', maxLength: 40 });
const Following = { id: StepId, next: Type.Optional(Type.Union([StepId, Type.Null()])) };
const Tag = Type.String({ pattern: '^[^\\u0000-\\u001f,;]+$', minLength: 1, maxLength: 50 });
const Scalar = Type.Union([Type.String({ maxLength: 2000 }), Type.Number(), Type.Boolean()]);
const Subject = Type.String({ minLength: 1, maxLength: 200 });

const triggers: Readonly<Record<string, TSchema>> = {
  confirmed: Type.Object({ type: Type.Literal('confirmed') }, closed),
  form: Type.Object({ type: Type.Literal('form'), form: Type.String({ minLength: 1, maxLength: 80 }) }, closed),
  tag: Type.Object({ type: Type.Literal('tag'), tag: Tag }, closed),
  segment: Type.Object({ type: Type.Literal('segment'), segmentId: Uuid, includeExisting: Type.Optional(Type.Boolean()) }, closed),
  manual: Type.Object({ type: Type.Literal('manual') }, closed),
};

const steps: Readonly<Record<string, TSchema>> = {
  send: Type.Object(
    {
      ...Following,
      type: Type.Literal('send'),
      subject: Subject,
      preheader: Type.Optional(Type.String({ maxLength: 300 })),
      body: Type.Optional(Type.String({ maxLength: 50_000 })),
      template: Type.Optional(Type.String({ pattern: '^[\\w-]+$', maxLength: 100 })),
      articleIds: Type.Optional(Type.Array(Uuid, { maxItems: 20 })),
      variables: Type.Optional(Type.Record(Type.String({ pattern: '^[a-z_][A-Za-z0-9_]{0,63}$' }), Scalar, { maxProperties: 50 })),
      tracking: Type.Optional(Type.Enum(['individual', 'anonymous', 'off'])),
    },
    closed,
  ),
  wait: Type.Object(
    {
      ...Following,
      type: Type.Literal('wait'),
      days: Type.Optional(Type.Integer({ minimum: 0, maximum: 366 })),
      hours: Type.Optional(Type.Integer({ minimum: 0, maximum: 8784 })),
      minutes: Type.Optional(Type.Integer({ minimum: 0, maximum: 527_040 })),
      untilHour: Type.Optional(Type.Integer({ minimum: 0, maximum: 23 })),
    },
    closed,
  ),
  branch: Type.Object(
    {
      id: StepId,
      type: Type.Literal('branch'),
      if: Type.Object({ type: Type.Enum(['opened', 'clicked', 'tag', 'segment', 'field']) }),
      yes: Type.Optional(Type.Union([StepId, Type.Null()])),
      no: Type.Optional(Type.Union([StepId, Type.Null()])),
    },
    closed,
  ),
  tag: Type.Object(
    {
      ...Following,
      type: Type.Literal('tag'),
      add: Type.Optional(Type.Array(Tag, { maxItems: 10 })),
      remove: Type.Optional(Type.Array(Tag, { maxItems: 10 })),
    },
    closed,
  ),
};

const ofStep = Type.Object({ type: Type.Enum(['opened', 'clicked']), step: StepId }, closed);
const conditions: Readonly<Record<string, TSchema>> = {
  opened: ofStep,
  clicked: ofStep,
  tag: Type.Object({ type: Type.Literal('tag'), tag: Tag }, closed),
  segment: Type.Object({ type: Type.Literal('segment'), segmentId: Uuid }, closed),
  field: Type.Object(
    {
      type: Type.Literal('field'),
      field: Type.String({ pattern: '^[A-Za-z_][\\w-]*$', maxLength: 64 }),
      operator: Type.Enum(['is', 'is_not', 'exists', 'above', 'below']),
      value: Type.Optional(Scalar),
    },
    closed,
  ),
};

/** What a request is checked against at first; what each kind of trigger, step and condition takes is checked by `shapeFaults`. */
export const DefinitionBody = Type.Object(
  {
    trigger: Type.Object(
      { type: Type.Enum(['confirmed', 'form', 'tag', 'segment', 'manual']) },
      { description: 'confirmed; form (form); tag (tag, when it is added); segment (segmentId, includeExisting?); manual.' },
    ),
    reentry: Type.Optional(
      Type.Object({ afterDays: Type.Integer({ minimum: 0, maximum: 3650 }) }, { ...closed, description: 'Left out: nobody begins twice.' }),
    ),
    exit: Type.Optional(
      Type.Object(
        { tags: Type.Optional(Type.Array(Tag, { maxItems: 20 })), segmentIds: Type.Optional(Type.Array(Uuid, { maxItems: 20 })) },
        closed,
      ),
    ),
    timezone: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    steps: Type.Array(Type.Object({ id: StepId, type: Type.Enum(['send', 'wait', 'branch', 'tag']) }), {
      minItems: 1,
      maxItems: maxSteps,
      description:
        'send (subject, preheader?, body?, template?, articleIds?, variables?, tracking?); wait (days?, hours?, minutes?, untilHour?); ' +
        'branch (if, yes?, no?); tag (add?, remove?). `next`, `yes` and `no` name the step that follows: the one below unless told, null for the end. ' +
        'if: opened or clicked (step), tag (tag), segment (segmentId), field (field, operator: is, is_not, exists, above, below; value?).',
    }),
  },
  closed,
);

type Shape = { readonly trigger: object; readonly steps: readonly object[] };

/** The faults of each trigger, step and condition by its own kind, with their paths. Empty: it is a SequenceDefinition. */
export function shapeFaults(definition: Shape): FieldFault[] {
  const faults = faultsOf(triggers, definition.trigger, '/trigger');
  for (const [index, step] of definition.steps.entries()) {
    const path = `/steps/${index}`;
    faults.push(...faultsOf(steps, step, path));
    if ('if' in step && typeof step.if === 'object' && step.if !== null) faults.push(...faultsOf(conditions, step.if, `${path}/if`));
  }
  return faults;
}

function faultsOf(kinds: Readonly<Record<string, TSchema>>, value: object, path: string): FieldFault[] {
  const kind = 'type' in value && typeof value.type === 'string' && Object.hasOwn(kinds, value.type) ? kinds[value.type] : undefined;
  if (kind === undefined) return [{ path: `${path}/type`, message: `must be one of ${Object.keys(kinds).join(', ')}` }];
  return Errors(kind, value).flatMap(({ keyword, instancePath, params, message }): FieldFault[] => {
    const { requiredProperties, allowedValues } = params as { requiredProperties?: string[]; allowedValues?: unknown[] };
    // A field that is not known shows twice: once for itself, once for its object.
    if (keyword === 'additionalProperties' || keyword === 'anyOf')
      return keyword === 'anyOf' ? [{ path: `${path}${instancePath}`, message }] : [];
    if (keyword === 'boolean') return [{ path: `${path}${instancePath}`, message: 'is not a known field' }];
    if (requiredProperties !== undefined)
      return requiredProperties.map((name) => ({ path: `${path}${instancePath}/${name}`, message: 'is required' }));
    if (allowedValues !== undefined) return [{ path: `${path}${instancePath}`, message: `must be one of ${allowedValues.join(', ')}` }];
    return [{ path: `${path}${instancePath}`, message }];
  });
}
