import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { notFound } from '#shared/errors';
import type { ImportCounts, ImportFault, ImportOptions } from './import-types.ts';
import type { Progress } from './importer.ts';

export const importStatuses = ['queued', 'running', 'finished', 'failed', 'cancelled'] as const;
export type ImportStatus = (typeof importStatuses)[number];

export type SubscriberImport = ImportCounts & {
  readonly id: string;
  readonly status: ImportStatus;
  readonly statusReason: string | null;
  readonly fileName: string;
  readonly storageKey: string;
  readonly sizeBytes: number;
  readonly options: ImportOptions;
  /** Of the file, the heading left out, faulty ones included. */
  readonly rowsDone: number;
  readonly actor: string;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
};

/** Of each list, this many faults are kept one by one; all are counted. */
export const maxKeptFaults = 100_000;

const columns = sql`
  id, status, status_reason as "statusReason", file_name as "fileName", storage_key as "storageKey", size_bytes as "sizeBytes", options,
  rows_done as "rowsDone", created, updated, unchanged, skipped, faulty, actor, created_at as "createdAt", started_at as "startedAt",
  finished_at as "finishedAt"`;

export type NewImport = Pick<SubscriberImport, 'id' | 'fileName' | 'storageKey' | 'sizeBytes' | 'options' | 'actor' | 'createdAt'>;

export function insertImport(tx: Queryable, given: NewImport): Promise<SubscriberImport> {
  return tx.one(
    'imports.insert',
    sql<SubscriberImport>`insert into subscriber_imports (id, file_name, storage_key, size_bytes, options, actor, created_at)
        values (${given.id}, ${given.fileName}, ${given.storageKey}, ${given.sizeBytes}, ${JSON.stringify(given.options)}::jsonb,
                ${given.actor}, ${given.createdAt})
        returning ${columns}`,
  );
}

/** @throws AppError `not_found` */
export async function getImport(database: Queryable, id: string): Promise<SubscriberImport> {
  const found = await database.maybeOne(
    'imports.find',
    sql<SubscriberImport>`select ${columns} from subscriber_imports where id = ${id}::uuid`,
  );
  if (found === undefined) throw notFound('import', id);
  return found;
}

export function listImports(database: Queryable, before: Position | undefined, limit: number): Promise<SubscriberImport[]> {
  return database.query(
    'imports.list',
    sql<SubscriberImport>`select ${columns} from subscriber_imports
        where ${before?.at ?? null}::timestamptz is null
           or (created_at, id) < (${before?.at ?? null}::timestamptz, ${before?.id ?? null}::uuid)
        order by created_at desc, id desc limit ${limit + 1}`,
  );
}

/** Queued or running → `status`; undefined when it has ended already. */
export function moveImport(
  tx: Queryable,
  id: string,
  status: Exclude<ImportStatus, 'queued'>,
  at: Date,
  reason: string | null = null,
): Promise<SubscriberImport | undefined> {
  return tx.maybeOne(
    'imports.move',
    sql<SubscriberImport>`update subscriber_imports
        set status = ${status}, status_reason = ${reason}, started_at = coalesce(started_at, ${at}),
            finished_at = case when ${status} <> 'running' then ${at}::timestamptz end
        where id = ${id}::uuid and status in ('queued', 'running') returning ${columns}`,
  );
}

/** A list that failed or was cancelled goes on where it ended. Undefined when it is not at such an end. */
export function reopenImport(tx: Queryable, id: string): Promise<SubscriberImport | undefined> {
  return tx.maybeOne(
    'imports.reopen',
    sql<SubscriberImport>`update subscriber_imports set status = 'queued', status_reason = null, finished_at = null
        where id = ${id}::uuid and status in ('failed', 'cancelled') returning ${columns}`,
  );
}

/** False when the list is not running any more, or another run has moved on: nothing of this progress may stay then. */
export async function addProgress(tx: Queryable, id: string, rowsBefore: number, { rows, counts, faults }: Progress): Promise<boolean> {
  const moved = await tx.execute(
    'imports.add-progress',
    sql`update subscriber_imports i
        set rows_done = rows_done + ${rows}, created = created + ${counts.created}, updated = updated + ${counts.updated},
            unchanged = unchanged + ${counts.unchanged}, faulty = faulty + ${counts.faulty},
            skipped = coalesce((select jsonb_object_agg(reason, total)
                                from (select key as reason, sum(value::int) as total
                                      from (select * from jsonb_each_text(i.skipped)
                                            union all select * from jsonb_each_text(${JSON.stringify(counts.skipped)}::jsonb)) as both_of_them
                                      group by key) as sums), '{}')
        where id = ${id}::uuid and status = 'running' and rows_done = ${rowsBefore}`,
  );
  if (moved > 0 && faults.length > 0) await keepFaults(tx, id, faults);
  return moved > 0;
}

async function keepFaults(tx: Queryable, id: string, faults: readonly ImportFault[]): Promise<void> {
  await tx.execute(
    'imports.keep-faults',
    sql`insert into subscriber_import_faults (import_id, line, ordinal, field, message, value)
        select ${id}::uuid, line, row_number() over (partition by line), field, message, value
        from unnest(${faults.map(({ line }) => line)}::bigint[], ${faults.map(({ field }) => field)}::text[],
                    ${faults.map(({ message }) => message)}::text[], ${faults.map(({ value }) => value.replaceAll('\u0000', ''))}::text[])
          as given (line, field, message, value)
        where (select count(*) from subscriber_import_faults where import_id = ${id}::uuid) < ${maxKeptFaults}
        on conflict do nothing`,
  );
}

type FaultKey = { readonly line: number; readonly ordinal: number };

/** For reading them all, in the order of the file. */
export function faultsAfter(id: string, after: FaultKey | undefined, limit: number) {
  return sql<ImportFault & FaultKey>`select line, ordinal, field, message, value from subscriber_import_faults
      where import_id = ${id}::uuid and (line, ordinal) > (${after?.line ?? -1}::bigint, ${after?.ordinal ?? -1}::int)
      order by line, ordinal limit ${limit}`;
}

/** Lists that wait or are being worked off. */
export async function listOpenImports(database: Queryable): Promise<string[]> {
  const rows = await database.query(
    'imports.list-open',
    sql<{ id: string }>`select id from subscriber_imports where status in ('queued', 'running') order by created_at limit 100`,
  );
  return rows.map(({ id }) => id);
}

/** Lists that ended before then and whose files are not needed any more. */
export function listEndedImports(database: Queryable, before: Date, limit: number): Promise<{ id: string; storageKey: string }[]> {
  return database.query(
    'imports.list-ended',
    sql<{ id: string; storageKey: string }>`select id, storage_key as "storageKey" from subscriber_imports
        where storage_key <> '' and finished_at < ${before} order by finished_at limit ${limit}`,
  );
}

export async function forgetFiles(database: Queryable, ids: readonly string[]): Promise<void> {
  await database.execute('imports.forget-files', sql`update subscriber_imports set storage_key = '' where id = any(${ids}::uuid[])`);
}
