import { Type } from 'typebox';
import { PageOf } from '#platform/http-server';
import { closed, nullable, Uuid } from '#shared/schema';
import type { Audience, Cohorts } from './audience-store.ts';
import type { SegmentRules } from './rule-types.ts';
import type { SegmentUse } from './segment-service.ts';
import type { Segment } from './segment-store.ts';

const maxSegmentNameLength = 100;

/** Read by `readRules`, which names each fault by its path: a schema of rules within rules would name none. */
const RulesSchema = Type.Unsafe<SegmentRules>({
  type: 'object',
  maxProperties: 5,
  additionalProperties: true,
  description: `Rules in rules: {"all": […]}, {"any": […]}, {"not": …}, around
{"field": "country", "operator": "in", "value": ["BG", "HU"]} (status, country, language, timezone, source, frequency, format, emailDomain:
equals, not_equals, in, not_in; name, country, timezone: present, absent; tags, topics: contains_any, contains_all, contains_none;
subscriptionDate: before, after, between, in_last_days), {"customField": "tank", "operator": "at_least", "value": 60} by the type of the
field, {"engagement": "opened", "campaign": "…", "inLastDays": 30, "times": 2} (received, opened, clicked; times counts campaigns) and
{"segment": "…"}. Days are those of UTC. What is not known of somebody is not equal to anything.`,
});

const name = Type.String({
  minLength: 1,
  maxLength: maxSegmentNameLength,
  pattern: '^[^\\u0000-\\u001f\\u007f]*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$',
});

export const NewSegmentBody = Type.Object({ name, rules: RulesSchema }, closed);
export const SegmentChangeBody = Type.Object(
  { name: Type.Optional(name), rules: Type.Optional(RulesSchema) },
  { ...closed, minProperties: 1 },
);
export const PreviewBody = Type.Object({ rules: RulesSchema }, closed);
export const CohortQuery = Type.Object(
  {
    since: Type.Optional(
      Type.String({
        format: 'date',
        maxLength: 10,
        description: 'The day of UTC that the first of them subscribed on; a year ago unless told.',
      }),
    ),
  },
  closed,
);

const segmentFieldsOut = {
  id: Uuid,
  name: Type.String(),
  rules: Type.Unsafe<SegmentRules>({ type: 'object', additionalProperties: true }),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
};
const audience = Type.Integer({ description: 'How many who may be written to belong to it at the time of asOf, exactly.' });
const asOf = Type.String({ format: 'date-time' });

export const SegmentView = Type.Object(segmentFieldsOut);
export const SegmentPage = PageOf(SegmentView);
export const SegmentDetails = Type.Object({
  ...segmentFieldsOut,
  audience,
  asOf,
  usedBy: Type.Array(Type.Object({ kind: Type.String(), id: Uuid, name: Type.String() })),
});
export const PreviewView = Type.Object({
  audience,
  sample: Type.Array(Type.Object({ id: Uuid, email: Type.String(), name: nullable(Type.String()) })),
  asOf,
});
export const CohortsView = Type.Object({
  cohorts: Type.Array(
    Type.Object({
      country: nullable(Type.String()),
      language: Type.String(),
      month: Type.String({ format: 'date', description: 'Its first day.' }),
      count: Type.Integer(),
    }),
    { description: 'The largest first.' },
  ),
  asOf,
});

export function viewOfSegment({ id, name: segmentName, rules, createdAt, updatedAt }: Segment) {
  return { id, name: segmentName, rules, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

export const viewOfAudience = ({ audience: count, sample, asOf: at }: Audience) => ({
  audience: count,
  sample: [...sample],
  asOf: at.toISOString(),
});

export const viewOfCohorts = ({ cohorts, asOf: at }: Cohorts) => ({ cohorts: [...cohorts], asOf: at.toISOString() });

export const viewOfDetails = (segment: Segment, { audience: count, asOf: at }: Audience, uses: readonly SegmentUse[]) => ({
  ...viewOfSegment(segment),
  audience: count,
  asOf: at.toISOString(),
  usedBy: [...uses],
});
