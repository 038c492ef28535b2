import { type Queryable, type RawBuilder, sql } from '#platform/database';
import { erasedKeyPrefix } from './erased-key.ts';

export const suppressionSources = ['manual', 'import', 'bounce', 'complaint', 'erasure'] as const;
export type SuppressionSource = (typeof suppressionSources)[number];

export type Suppression = {
  /** A lower-cased address, `@domain` for everybody there, or `*.domain` for everybody in its subdomains. */
  readonly address: string;
  readonly reason: string;
  readonly source: SuppressionSource;
  readonly note: string | null;
  readonly createdAt: Date;
  /** Null: for good. */
  readonly expiresAt: Date | null;
};

export type NewSuppression = Omit<Suppression, 'createdAt'>;

const columns = sql`address, reason, source, note, created_at as "createdAt", expires_at as "expiresAt"`;
const hostOf = (email: RawBuilder<unknown>) => sql`lower(split_part(${email}, '@', 2))`;
const domainOf = (email: RawBuilder<unknown>) => sql`'@' || ${hostOf(email)}`;

// The database's time, not the clock's: these conditions stand inside the statements of others, and what has ended is swept up daily.
const inForce = sql`(expires_at is null or expires_at > now())`;

// Three domains up: `a.b.c.example.org` is found by `*.b.c.example.org`, `*.c.example.org` and `*.example.org`.
const parentKeysOf = (email: RawBuilder<unknown>) => {
  const parent = (host: RawBuilder<unknown>) => sql`substring(${host} from position('.' in ${host}) + 1)`;
  const first = parent(hostOf(email));
  const second = parent(first);
  return sql`'*.' || ${first}, '*.' || ${second}, '*.' || ${parent(second)}`;
};

/** Uncorrelated, so that it is answered once a statement: subdomains cost nothing while nobody suppresses any. */
const hasSubdomains = sql`(select exists (select 1 from suppressions where address like '*.%'))`;

const isInSubdomain = (email: RawBuilder<unknown>) =>
  sql`exists (select 1 from suppressions where address in (${parentKeysOf(email)}) and ${inForce})`;

/** Whether an address `email` (an SQL expression) is suppressed, by itself or with its whole domain. */
export const isSuppressedSql = (email: RawBuilder<unknown>) =>
  sql<boolean>`(exists (select 1 from suppressions where address in (lower(${email}), ${domainOf(email)}) and ${inForce})
    or (${hasSubdomains} and ${isInSubdomain(email)}))`;

/** Its negation for a whole table: the first two conditions are ones that the planner can answer with one hash join each. */
export const isNotSuppressedSql = (email: RawBuilder<unknown>) =>
  sql<boolean>`not exists (select 1 from suppressions where address = lower(${email}) and ${inForce})
    and not exists (select 1 from suppressions where address = ${domainOf(email)} and ${inForce})
    and not (${hasSubdomains} and ${isInSubdomain(email)})`;

/** Positions (from 1) of the addresses that are suppressed, by themselves, with their domain, or as erased people's. */
export async function findSuppressedPositions(
  database: Queryable,
  emails: readonly string[],
  erasedKeys: readonly string[],
): Promise<ReadonlySet<number>> {
  const rows = await database.query<{ position: number }>(
    'suppressions.check-many',
    sql`select given.position from unnest(${emails}::text[], ${erasedKeys}::text[]) with ordinality given (email, erased_key, position)
        where exists (select 1 from suppressions where address = given.erased_key) or ${isSuppressedSql(sql`given.email`)}`,
  );
  return new Set(rows.map(({ position }) => position));
}

export async function isSuppressed(database: Queryable, email: string): Promise<boolean> {
  const row = await database.one<{ suppressed: boolean }>(
    'suppressions.check',
    sql`select ${isSuppressedSql(sql`${email}::text`)} as suppressed`,
  );
  return row.suppressed;
}

/** Of the address's domain or of one above it: its owner alone cannot lift that. */
export function findDomainSuppression(database: Queryable, email: string): Promise<Suppression | undefined> {
  return database.maybeOne<Suppression>(
    'suppressions.find-domain',
    sql`select ${columns} from suppressions
        where address in (${domainOf(sql`${email}::text`)}, ${parentKeysOf(sql`${email}::text`)}) and ${inForce} limit 1`,
  );
}

/** What stands under this very address or domain and is in force. */
export function findSuppression(database: Queryable, address: string): Promise<Suppression | undefined> {
  return database.maybeOne<Suppression>(
    'suppressions.find',
    sql`select ${columns} from suppressions where address = lower(${address}) and ${inForce}`,
  );
}

/** Undefined when it stood there already. What has run out is replaced. */
export function addSuppression(tx: Queryable, suppression: NewSuppression, at: Date): Promise<Suppression | undefined> {
  const { address, reason, source, note, expiresAt } = suppression;
  return tx.maybeOne<Suppression>(
    'suppressions.add',
    sql`insert into suppressions (address, reason, source, note, created_at, expires_at)
        values (lower(${address}), ${reason}, ${source}, ${note}, ${at}, ${expiresAt})
        on conflict (address) do update
          set reason = excluded.reason, source = excluded.source, note = excluded.note, created_at = excluded.created_at,
              expires_at = excluded.expires_at
          where suppressions.expires_at <= now()
        returning ${columns}`,
  );
}

/** The addresses that were added; the others stood there already. Lower case and each once. */
export async function addSuppressions(
  tx: Queryable,
  addresses: readonly string[],
  { reason, source, note, expiresAt }: Omit<NewSuppression, 'address'>,
  at: Date,
): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ address: string }>(
    'suppressions.add-many',
    sql`insert into suppressions (address, reason, source, note, created_at, expires_at)
        select address, ${reason}, ${source}, ${note}::text, ${at}::timestamptz, ${expiresAt}::timestamptz
        from unnest(${addresses}::text[]) as given (address) order by address
        on conflict (address) do update
          set reason = excluded.reason, source = excluded.source, note = excluded.note, created_at = excluded.created_at,
              expires_at = excluded.expires_at
          where suppressions.expires_at <= now()
        returning address`,
  );
  return new Set(rows.map(({ address }) => address));
}

/** A complaint weighs more than whatever stood there: its suppression is for good, and no other source replaces it. */
export async function suppressComplainer(tx: Queryable, address: string, reason: string, at: Date): Promise<void> {
  await tx.execute(
    'suppressions.complain',
    sql`insert into suppressions (address, reason, source, created_at) values (lower(${address}), ${reason}, 'complaint', ${at})
        on conflict (address) do update
          set reason = excluded.reason, source = 'complaint', created_at = excluded.created_at, expires_at = null
          where suppressions.source <> 'complaint' or suppressions.expires_at is not null`,
  );
}

export async function removeSuppression(tx: Queryable, address: string): Promise<number> {
  return tx.execute('suppressions.remove', sql`delete from suppressions where address = lower(${address})`);
}

/** Those of them that stand there, locked until the transaction ends. */
export function lockSuppressions(tx: Queryable, addresses: readonly string[]): Promise<Pick<Suppression, 'address' | 'source'>[]> {
  return tx.query<Pick<Suppression, 'address' | 'source'>>(
    'suppressions.lock',
    sql`select address, source from suppressions where address = any(${addresses}::text[]) order by address for update`,
  );
}

export async function removeSuppressions(tx: Queryable, addresses: readonly string[]): Promise<number> {
  return tx.execute('suppressions.remove-many', sql`delete from suppressions where address = any(${addresses}::text[])`);
}

export function deleteExpiredSuppressions(database: Queryable, limit: number): Promise<number> {
  return database.execute(
    'suppressions.delete-expired',
    sql`delete from suppressions where address in
          (select address from suppressions where expires_at <= now() order by expires_at limit ${limit} for update skip locked)`,
  );
}

export type SuppressionFilter = {
  readonly after?: string | undefined;
  /** How the address begins, in lower case. */
  readonly prefix?: string | undefined;
  readonly source?: SuppressionSource | undefined;
  readonly limit: number;
};

/** By address, after the one given; one row more than `limit`. Erased people's keys are no addresses and left out. */
export function listSuppressions(database: Queryable, { after, prefix, source, limit }: SuppressionFilter): Promise<Suppression[]> {
  const conditions = [sql`address not like ${`${erasedKeyPrefix}%`}`, sql`address > ${after ?? ''}`];
  if (prefix !== undefined && prefix !== '') conditions.push(sql`address like ${`${prefix.replace(/[\\%_]/g, '\\$&')}%`}`);
  if (source !== undefined) conditions.push(sql`source = ${source}`);
  return database.query<Suppression>(
    'suppressions.list',
    sql`select ${columns} from suppressions where ${sql.join(conditions, sql` and `)} order by address limit ${limit + 1}`,
  );
}
