import { type RawBuilder, sql } from '#platform/database';
import type { AbTest } from '../../distributor-types.ts';

/**
 * The variant of a row of the audience (as `audience`); null for those who wait for the winner. The order is by a hash of reader
 * and issue: random over readers, another for every issue, the same whenever it is computed. Shares differ by one reader at
 * most, and every variant has a reader where there are enough.
 */
export function variantSql(issueId: string, variantCount: number, { share }: AbTest): RawBuilder<number | null> {
  const place = sql`(row_number() over (order by md5(audience.id::text || ${issueId}::text), audience.id) - 1)`;
  const variant = sql`(${place} % ${variantCount}::int)::smallint`;
  if (share >= 1) return sql<number | null>`${variant}`;
  const tested = sql`greatest(ceil(${share}::float8 * count(*) over ()), ${variantCount}::int)`;
  return sql<number | null>`case when ${place} < ${tested} then ${variant} end`;
}
