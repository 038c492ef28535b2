import { type RawBuilder, sql } from '#platform/database';
import { AppError } from '#shared/errors';
import { datePattern } from './rule-facets.ts';
import type { CustomTest, EngagementCondition, Rule, TextField } from './rule-types.ts';

type Condition = RawBuilder<boolean>;

export const hostSql = sql<string>`lower(split_part(email, '@', 2))`;
/** As the index has it, in which the end of a host is a range. */
export const reversedHostSql = sql<string>`reverse(${hostSql}) collate "C"`;
const reversed = (text: string): string => [...text].reverse().join('');

const textColumns: Record<TextField, RawBuilder<unknown>> = {
  status: sql`status`,
  country: sql`country`,
  language: sql`language`,
  timezone: sql`timezone`,
  source: sql`source`,
  frequency: sql`frequency`,
  format: sql`format`,
  emailDomain: reversedHostSql,
};
const optionalColumns = { name: sql`name`, country: sql`country`, timezone: sql`timezone` } as const;
const listColumns = { tags: sql`tags`, topics: sql`topics` } as const;

function joined(conditions: readonly Condition[], by: RawBuilder<unknown>, none: Condition): Condition {
  return conditions.length === 0 ? none : sql<boolean>`(${sql.join(conditions, by)})`;
}

function range(column: RawBuilder<unknown>, from: RawBuilder<unknown> | undefined, to: Condition | undefined): Condition {
  const conditions = [...(from === undefined ? [] : [sql<boolean>`${column} >= ${from}`]), ...(to === undefined ? [] : [to])];
  return joined(conditions, sql` and `, sql`true`);
}

function compileCustom(name: string, test: CustomTest): Condition {
  const text = sql`custom_fields ->> ${name}::text`;
  if (test.kind === 'equals') {
    const values = test.values.map((value) => JSON.stringify(value));
    return sql<boolean>`custom_fields -> ${name}::text = any(${values}::jsonb[])`;
  }
  if (test.kind === 'present') return sql<boolean>`jsonb_typeof(custom_fields -> ${name}::text) <> 'null'`;
  if (test.kind === 'dates') {
    const dates = range(sql`(${text}) collate "C"`, test.from === undefined ? undefined : sql`${test.from}::text`, toText(text, test.to));
    return sql<boolean>`(${text} ~ ${datePattern} and jsonb_typeof(custom_fields -> ${name}::text) = 'string' and ${dates})`;
  }
  // What is no number, of a time when the field had another type, is met by no number; a case is evaluated in its order.
  const number = sql`case when jsonb_typeof(custom_fields -> ${name}::text) = 'number' then (${text})::numeric end`;
  const to = test.to === undefined ? undefined : sql<boolean>`${number} <= ${test.to}::numeric`;
  return range(number, test.from === undefined ? undefined : sql`${test.from}::numeric`, to);
}

const toText = (text: RawBuilder<unknown>, to: string | undefined): Condition | undefined =>
  to === undefined ? undefined : sql<boolean>`(${text}) collate "C" < ${to}::text`;

/**
 * A condition on a row of `subscribers`, whose columns it names without the table; every value is a parameter. It may be null where it
 * is not met. Segments that it names are filled in before.
 */
export function compileRule(rule: Rule, engagement: EngagementCondition | undefined): Condition {
  const compile = (part: Rule) => compileRule(part, engagement);
  switch (rule.kind) {
    case 'all':
      return joined(rule.rules.map(compile), sql` and `, sql`true`);
    case 'any':
      return joined(rule.rules.map(compile), sql` or `, sql`false`);
    case 'not':
      return sql<boolean>`(${compile(rule.rule)}) is not true`;
    case 'text': {
      const values = rule.field === 'emailDomain' ? rule.values.map(reversed) : rule.values;
      const [only, ...more] = values;
      const column = textColumns[rule.field];
      return more.length === 0 ? sql<boolean>`${column} = ${only ?? ''}::text` : sql<boolean>`${column} = any(${values}::text[])`;
    }
    case 'present':
      return sql<boolean>`${optionalColumns[rule.field]} is not null`;
    case 'list':
      return rule.match === 'any'
        ? sql<boolean>`${listColumns[rule.field]} && ${rule.values}::text[]`
        : sql<boolean>`${listColumns[rule.field]} @> ${rule.values}::text[]`;
    case 'subscribed': {
      const { from, to } = rule;
      return range(
        sql`subscription_date`,
        from === undefined ? undefined : sql`${from}::timestamptz`,
        to === undefined ? undefined : sql<boolean>`subscription_date < ${to}::timestamptz`,
      );
    }
    case 'custom':
      return compileCustom(rule.name, rule.test);
    case 'engagement':
      if (engagement === undefined) throw new AppError('engagement_unknown', 'Nothing tells here what readers opened.');
      return engagement(rule.rule, sql`subscribers.id`);
    case 'segment':
      throw new AppError('segment_not_filled_in', `The segment ${rule.id} was not filled in.`);
  }
}
