import { type RawBuilder, sql } from '#platform/database';
import { type FieldFault, invalid } from '#shared/errors';
import { readIsoTime } from '../subscribers/subscriber-fields.ts';

export const segmentFields = ['status', 'country', 'language', 'tags', 'subscriptionDate'] as const;
export const segmentOperators = ['equals', 'in', 'contains_any', 'before', 'after'] as const;

export type SegmentRule = {
  readonly field: (typeof segmentFields)[number];
  readonly operator: (typeof segmentOperators)[number];
  readonly value: string | readonly string[];
};

/** All of them hold. */
export type SegmentRules = { readonly all: readonly SegmentRule[] };

type Condition = RawBuilder<boolean>;
type Reading = Condition | { readonly fault: string };

const textColumns = { status: sql`status`, country: sql`country`, language: sql`language` } as const;

function readRule({ field, operator, value }: SegmentRule): Reading {
  if (field === 'tags') {
    if (operator !== 'contains_any') return { fault: 'tags takes the operator contains_any' };
    if (typeof value === 'string' || value.length === 0) return { fault: 'contains_any takes a list of tags' };
    return sql<boolean>`tags && ${value}::text[]`;
  }
  if (field === 'subscriptionDate') {
    if (operator !== 'before' && operator !== 'after') return { fault: 'subscriptionDate takes the operators before and after' };
    const date = typeof value === 'string' ? readIsoTime(value) : undefined;
    if (date === undefined) return { fault: 'must be a date such as 2026-01-31 or 2026-01-31T12:00:00Z' };
    return operator === 'before' ? sql<boolean>`subscription_date < ${date}` : sql<boolean>`subscription_date >= ${date}`;
  }
  const column = textColumns[field];
  if (operator === 'equals') {
    return typeof value === 'string' ? sql<boolean>`${column} = ${value}` : { fault: 'equals takes one text' };
  }
  if (operator === 'in') {
    if (typeof value === 'string' || value.length === 0) return { fault: 'in takes a list of texts' };
    return sql<boolean>`${column} = any(${value}::text[])`;
  }
  return { fault: `${field} takes the operators equals and in` };
}

/**
 * The rules as a condition on `subscribers`; every value is a parameter. No rule is met by everybody.
 * @throws AppError `invalid_request` that names each faulty rule
 */
export function compileRules(rules: SegmentRules): Condition {
  const faults: FieldFault[] = [];
  const conditions: Condition[] = [];
  rules.all.forEach((rule, index) => {
    const reading = readRule(rule);
    if ('fault' in reading) faults.push({ path: `/rules/all/${index}`, message: reading.fault });
    else conditions.push(reading);
  });
  if (faults.length > 0) {
    throw invalid(`The rules are not valid: ${faults.map(({ path, message }) => `${path} ${message}`).join('; ')}.`, faults);
  }
  return conditions.length === 0 ? sql<boolean>`true` : sql<boolean>`(${sql.join(conditions, sql` and `)})`;
}
