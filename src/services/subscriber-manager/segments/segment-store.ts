import { type Queryable, type RawBuilder, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { isNotSuppressedSql } from '../suppressions/suppression-store.ts';
import type { SegmentRules } from './segment-rules.ts';

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

/** A statement that selects the `id` of everybody who may be written to and meets the condition. */
export function audienceStatement(condition: RawBuilder<boolean>): RawBuilder<{ id: string }> {
  return sql<{ id: string }>`select id from subscribers
    where status = 'active' and ${condition} and ${isNotSuppressedSql(sql`email`)}`;
}

export async function countAudience(database: Queryable, condition: RawBuilder<boolean>): Promise<number> {
  const { count } = await database.one<{ count: number }>(
    'segments.count-audience',
    sql`select count(*) as count from (${audienceStatement(condition)}) audience`,
  );
  return count;
}
