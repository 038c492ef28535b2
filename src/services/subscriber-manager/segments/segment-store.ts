import { type Queryable, type RawBuilder, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import type { CustomFieldType, SegmentRules } from './rule-types.ts';

export type Segment = {
  readonly id: string;
  readonly name: string;
  readonly rules: SegmentRules;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

const columns = sql`id, name, rules, created_at as "createdAt", updated_at as "updatedAt"`;

/** Undefined when the name is taken. */
export function insertSegment(
  tx: Queryable,
  segment: { readonly id: string; readonly name: string; readonly rules: SegmentRules; readonly at: Date },
): Promise<Segment | undefined> {
  return tx.maybeOne<Segment>(
    'segments.insert',
    sql`insert into subscriber_segments (id, name, rules, created_at, updated_at)
        values (${segment.id}, ${segment.name}, ${JSON.stringify(segment.rules)}::jsonb, ${segment.at}, ${segment.at})
        on conflict (name) do nothing returning ${columns}`,
  );
}

export function findSegment(database: Queryable, id: string): Promise<Segment | undefined> {
  return database.maybeOne<Segment>('segments.find', sql`select ${columns} from subscriber_segments where id = ${id}::uuid`);
}

export function listSegments(database: Queryable, before: Position | undefined, limit: number): Promise<Segment[]> {
  return database.query<Segment>(
    'segments.list',
    sql`select ${columns} from subscriber_segments
        where ${before?.at ?? null}::timestamptz is null
           or (created_at, id) < (${before?.at ?? null}::timestamptz, ${before?.id ?? null}::uuid)
        order by created_at desc, id desc limit ${limit + 1}`,
  );
}

/** Undefined when there is none with the id. A name that is taken fails as PostgreSQL has it (23505). */
export function updateSegment(tx: Queryable, segment: Pick<Segment, 'id' | 'name' | 'rules'>, at: Date): Promise<Segment | undefined> {
  return tx.maybeOne<Segment>(
    'segments.update',
    sql`update subscriber_segments set name = ${segment.name}, rules = ${JSON.stringify(segment.rules)}::jsonb, updated_at = ${at}
        where id = ${segment.id} returning ${columns}`,
  );
}

export function deleteSegment(tx: Queryable, id: string): Promise<number> {
  return tx.execute('segments.delete', sql`delete from subscriber_segments where id = ${id}::uuid`);
}

const graphLock = 6_500_002;

/** Changes of segments come one after another: what one names is there, and nothing leads back to itself. */
export async function lockSegments(tx: Queryable): Promise<void> {
  await tx.execute('segments.lock', sql`select pg_advisory_xact_lock(${graphLock})`);
}

/** Those of the ids that there are. */
export function findSegments(database: Queryable, ids: readonly string[]): Promise<Segment[]> {
  return database.query<Segment>('segments.find-many', sql`select ${columns} from subscriber_segments where id = any(${ids}::uuid[])`);
}

/** Whose rules name the segment. */
export function findNamingSegments(database: Queryable, id: string): Promise<{ readonly id: string; readonly name: string }[]> {
  return database.query(
    'segments.find-naming',
    sql`select id, name from subscriber_segments
        where jsonb_path_exists(lower(rules::text)::jsonb, '$.**.segment ? (@ == $id)', jsonb_build_object('id', lower(${id})))
        order by name limit 100`,
  );
}

export async function readCustomFieldTypes(database: Queryable): Promise<ReadonlyMap<string, CustomFieldType>> {
  const rows = await database.query<{ name: string; type: CustomFieldType }>(
    'segments.read-custom-fields',
    sql`select name, type from custom_field_definitions order by name`,
  );
  return new Map(rows.map(({ name, type }) => [name, type]));
}

/** Each of the subscribers who belongs to any of the segments, with those. */
export function readMemberships(
  database: Queryable,
  ids: readonly string[],
  segments: readonly { readonly id: string; readonly condition: RawBuilder<boolean> }[],
): Promise<{ readonly id: string; readonly segments: readonly string[] }[]> {
  const columnsOf = segments.map(({ id, condition }) => sql`case when ${condition} then ${id}::text end`);
  return database.query(
    'segments.read-memberships',
    sql`select id, segments from (
          select id, array_remove(array[${sql.join([sql`null::text`, ...columnsOf])}], null) as segments
          from subscribers where id = any(${ids}::uuid[])) as membership
        where segments <> '{}'`,
  );
}
