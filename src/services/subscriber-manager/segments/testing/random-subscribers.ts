import { type Database, sql } from '#platform/database';
import type { SegmentRules } from '../rule-types.ts';

/** For tests: numbers that look random and are the same in every run (Park and Miller's minimal standard). */
export function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

const countries = ['BG', 'HU', 'DE', 'US', null];
const languages = ['bg', 'hu', 'en', 'de'];
const tags = ['shrimp', 'mosses', 'iwagumi', 'low-light', "o'neill", '{"x"}'];
const topics = ['plants', 'fish', 'equipment'];
const hosts = ['example.org', 'mail.example.org', 'example.com', 'closed.example'];
const statuses = ['active', 'active', 'active', 'active', 'pending', 'unsubscribed', 'bounced'];

type Random = (below: number) => number;

const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)] as T;
const some = <T>(random: Random, list: readonly T[]): T[] => list.filter(() => random(3) === 0);

export type RandomSubscriber = Readonly<Record<string, unknown>>;

/** A row of `subscribers` as JSON, with the number in its address. */
export function randomSubscriber(random: Random, number: number): RandomSubscriber {
  const day = new Date(Date.UTC(2025, 6, 1 + random(500), random(24), random(60))).toISOString();
  return {
    email: `Reader${number}@${pick(random, hosts)}`,
    name: random(4) === 0 ? null : `Name ${random(100)}`,
    status: pick(random, statuses),
    subscription_date: day,
    country: pick(random, countries),
    language: pick(random, languages),
    timezone: random(3) === 0 ? 'Europe/Sofia' : null,
    tags: some(random, tags),
    topics: some(random, topics),
    frequency: pick(random, ['all', 'all', 'weekly', 'monthly']),
    format: pick(random, ['html', 'html', 'text']),
    paused_until: random(12) === 0 ? pick(random, ['2020-01-01', '2999-01-01']) : null,
    custom_fields: {
      ...(random(2) === 0 && { litres: pick(random, [60, 60.5, 120, 1e3]) }),
      ...(random(2) === 0 && { city: pick(random, ['Sofia', 'Pécs', 'x'.repeat(80), '']) }),
      ...(random(3) === 0 && { club: random(2) === 0 }),
      ...(random(3) === 0 && { started: `2026-0${1 + random(9)}-1${random(10)}` }),
      ...(random(5) === 0 && { city: null }),
    },
    source: pick(random, ['form', 'import', 'api']),
  };
}

const columns = sql`email, name, status, subscription_date, country, language, timezone, tags, topics, frequency, format, paused_until,
  custom_fields, source`;

export async function insertSubscribers(database: Pick<Database, 'execute'>, subscribers: readonly RandomSubscriber[]): Promise<void> {
  await database.execute(
    'test.insert-subscribers',
    sql`insert into subscribers (id, ${columns}, created_at, updated_at)
        select gen_random_uuid(), ${columns}, subscription_date, subscription_date
        from jsonb_populate_recordset(null::subscribers, ${JSON.stringify(subscribers)}::jsonb)`,
  );
}

/** Gives a subscriber all of another's properties but the address. */
export async function replaceSubscriber(database: Pick<Database, 'execute'>, email: string, next: RandomSubscriber): Promise<void> {
  await database.execute(
    'test.replace-subscriber',
    sql`update subscribers s set (name, status, subscription_date, country, language, tags, topics, frequency, paused_until, custom_fields)
          = (n.name, n.status, n.subscription_date, n.country, n.language, n.tags, n.topics, n.frequency, n.paused_until, n.custom_fields)
        from jsonb_populate_record(null::subscribers, ${JSON.stringify(next)}::jsonb) as n where lower(s.email) = lower(${email})`,
  );
}

export const customFieldDefinitions = { litres: 'number', city: 'text', club: 'boolean', started: 'date' } as const;

export async function defineCustomFields(database: Pick<Database, 'execute'>): Promise<void> {
  for (const [name, type] of Object.entries(customFieldDefinitions)) {
    await database.execute(
      'test.define-field',
      sql`insert into custom_field_definitions (id, name, label, type, created_at, updated_at)
          values (gen_random_uuid(), ${name}, ${name}, ${type}, now(), now())`,
    );
  }
}

type Leaf = Record<string, unknown>;

function randomLeaf(random: Random): Leaf {
  const day = () => new Date(Date.UTC(2025, 6, 1 + random(520))).toISOString().slice(0, 10);
  const leaves: (() => Leaf)[] = [
    () => ({ field: 'country', operator: pick(random, ['equals', 'not_equals']), value: pick(random, ['BG', 'HU', 'XX']) }),
    () => ({ field: 'country', operator: pick(random, ['present', 'absent']) }),
    () => ({ field: 'name', operator: 'absent' }),
    () => ({ field: 'language', operator: pick(random, ['in', 'not_in']), value: ['bg', 'de'] }),
    () => ({ field: 'timezone', operator: 'present' }),
    () => ({ field: 'frequency', operator: 'in', value: ['all', 'weekly'] }),
    () => ({ field: 'frequency', operator: 'equals', value: pick(random, ['all', 'weekly']) }),
    () => ({ field: 'format', operator: 'equals', value: pick(random, ['html', 'text']) }),
    () => ({ field: 'status', operator: 'in', value: pick(random, [['active', 'pending'], ['bounced']]) }),
    () => ({ field: 'emailDomain', operator: 'equals', value: pick(random, hosts) }),
    () => ({
      field: 'tags',
      operator: pick(random, ['contains_any', 'contains_all', 'contains_none']),
      value: [pick(random, tags), pick(random, tags)],
    }),
    () => ({ field: 'topics', operator: 'contains_all', value: ['plants', 'fish'] }),
    () => ({ field: 'subscriptionDate', operator: pick(random, ['before', 'after']), value: day() }),
    () => ({ field: 'subscriptionDate', operator: 'after', value: `${day()}T12:30:00Z` }),
    () => ({ field: 'subscriptionDate', operator: 'between', value: [day(), day()].sort() }),
    () => ({ field: 'subscriptionDate', operator: 'in_last_days', value: 1 + random(400) }),
    () => ({ customField: 'litres', operator: 'in', value: [60, 1000] }),
    () => ({ customField: 'litres', operator: 'at_least', value: 60.5 }),
    () => ({ customField: 'city', operator: pick(random, ['equals', 'not_equals']), value: pick(random, ['Pécs', '', 'x'.repeat(80)]) }),
    () => ({ customField: 'city', operator: pick(random, ['present', 'absent']) }),
    () => ({ customField: 'club', operator: 'equals', value: random(2) === 0 }),
    () => ({ customField: 'started', operator: 'between', value: ['2026-02-11', '2026-06-15'] }),
  ];
  return pick(random, leaves)();
}

export function randomRules(random: Random, depth = 3): SegmentRules {
  const parts = () =>
    Array.from({ length: random(4) }, () => (depth > 1 && random(3) === 0 ? randomRules(random, depth - 1) : randomLeaf(random)));
  return pick(random, [() => ({ all: parts() }), () => ({ any: parts() }), () => ({ not: randomLeaf(random) })])();
}
