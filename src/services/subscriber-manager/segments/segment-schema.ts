import { Type } from 'typebox';
import { PageOf } from '#platform/http-server';
import { closed, Uuid } from '#shared/schema';
import { segmentFields, segmentOperators } from './segment-rules.ts';
import type { Segment } from './segment-store.ts';

const maxRules = 20;
const maxListedValues = 200;
const maxValueLength = 100;
const maxSegmentNameLength = 100;

const value = Type.String({ maxLength: maxValueLength });

export const RulesSchema = Type.Object(
  {
    all: Type.Array(
      Type.Object(
        {
          field: Type.Enum([...segmentFields]),
          operator: Type.Enum([...segmentOperators]),
          value: Type.Union([value, Type.Array(value, { minItems: 1, maxItems: maxListedValues })]),
        },
        closed,
      ),
      { maxItems: maxRules },
    ),
  },
  { ...closed, description: 'All rules hold of whoever belongs to the segment.' },
);

const name = Type.String({ minLength: 1, maxLength: maxSegmentNameLength, pattern: '\\S' });

export const NewSegmentBody = Type.Object({ name, rules: RulesSchema }, closed);
export const SegmentChangeBody = Type.Object(
  { name: Type.Optional(name), rules: Type.Optional(RulesSchema) },
  { ...closed, minProperties: 1 },
);
export const PreviewBody = Type.Object({ rules: RulesSchema }, closed);

const segmentFieldsOut = {
  id: Uuid,
  name: Type.String(),
  rules: Type.Object({
    all: Type.Array(
      Type.Object({
        field: Type.String(),
        operator: Type.String(),
        value: Type.Union([Type.String(), Type.Array(Type.String())]),
      }),
    ),
  }),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
};

export const SegmentView = Type.Object(segmentFieldsOut);
export const SegmentPage = PageOf(SegmentView);

const audience = Type.Integer({ description: 'How many active subscribers who may be written to belong to it now.' });
export const SegmentWithAudience = Type.Object({ ...segmentFieldsOut, audience });
export const PreviewView = Type.Object({ audience });

export function viewOfSegment({ id, name: segmentName, rules, createdAt, updatedAt }: Segment) {
  const all = rules.all.map((rule) => ({ ...rule, value: typeof rule.value === 'string' ? rule.value : [...rule.value] }));
  return { id, name: segmentName, rules: { all }, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
