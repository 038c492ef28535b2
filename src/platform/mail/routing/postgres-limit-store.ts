import { type Database, sql } from '#platform/database';
import type { LimitStore } from './limit-store.ts';

type Row = { readonly key: string; readonly version: number; readonly text: string | null; readonly nowMs: number };

const sweepBatch = 1000;

/** Rows that all processes share; time is the database's. Whatever has expired is swept out by whoever writes. */
export function createPostgresLimitStore(database: Database, { sweepEveryMs = 600_000 } = {}): LimitStore {
  let sweptAt = performance.now();

  async function sweep(): Promise<void> {
    if (performance.now() - sweptAt < sweepEveryMs) return;
    sweptAt = performance.now();
    await database.execute(
      'mail-limits.sweep',
      sql`delete from mail_limit_states where key in (
            select key from mail_limit_states where expires_at < clock_timestamp() limit ${sweepBatch} for update skip locked)`,
    );
  }

  return {
    async read(keys) {
      const rows = await database.query(
        'mail-limits.read',
        sql<Row>`select asked.key, coalesce(kept.version, 0)::float8 as version, kept.state as text,
                        extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs"
                 from unnest(${keys}::text[]) as asked (key) left join mail_limit_states kept using (key)`,
      );
      return new Map(rows.map(({ key, version, text, nowMs }) => [key, { version, text: text ?? undefined, nowMs }]));
    },
    async write(changes) {
      await sweep();
      // In the order of their keys, so that two who write the same rows do not wait for one another in a ring.
      const sorted = changes.toSorted((a, b) => (a.key < b.key ? -1 : 1));
      const rows = await database.query(
        'mail-limits.write',
        sql<{ key: string }>`
          with given as (
            select * from unnest(${sorted.map(({ key }) => key)}::text[], ${sorted.map(({ version }) => version)}::float8[],
                                 ${sorted.map(({ text }) => text)}::text[], ${sorted.map(({ keptMs }) => keptMs)}::float8[])
              as row (key, version, state, kept_ms)
          ), mine as materialized (
            select kept.key from mail_limit_states kept join given on given.key = kept.key and given.version = kept.version
            order by kept.key for update of kept
          ), updated as (
            update mail_limit_states kept
            set version = kept.version + 1, state = given.state,
                expires_at = clock_timestamp() + make_interval(secs => given.kept_ms / 1000)
            from given join mine using (key)
            where kept.key = given.key and kept.version = given.version
            returning kept.key
          ), inserted as (
            insert into mail_limit_states (key, version, state, expires_at)
            select key, 1, state, clock_timestamp() + make_interval(secs => kept_ms / 1000) from given where version = 0 order by key
            on conflict (key) do nothing
            returning key
          )
          select key from updated union all select key from inserted`,
      );
      return new Set(rows.map(({ key }) => key));
    },
  };
}
