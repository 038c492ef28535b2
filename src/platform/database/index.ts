export { type RawBuilder, sql } from 'kysely';
export { type CopyOptions, type CopyTable, copyInto } from './bulk/copy-into.ts';
export { type BatchOptions, BulkInterrupted, type BulkResult, type RowFailure, upsertInBatches } from './bulk/upsert-in-batches.ts';
export { checkDatabaseServer } from './check-server.ts';
export type { PoolFigures } from './connection-pool.ts';
export { type PoolSize, poolSizes, type SessionSettings } from './connection-settings.ts';
export { onDataFolder } from './data-folder.ts';
export {
  createDatabase,
  type Database,
  type DatabaseOptions,
  type Queryable,
  type Transaction,
} from './database.ts';
export { isDatabaseOutage } from './database-errors.ts';
export { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';
export { migrate } from './migrate.ts';
export type { ErrorSummary } from './monitor/error-summary.ts';
export type { ProcessFigures } from './monitor/process-figures.ts';
export type { QueryAlert, QueryAlertRule } from './monitor/query-alerts.ts';
export type { QueryFailure, QueryFigures, QueryPlan } from './monitor/query-entry.ts';
export { createQueryMonitor, type QueryMonitor, type QueryMonitorOptions, type SlowQuery } from './query-monitor.ts';
export type { ReplicaFigures } from './read-router.ts';
export type { FileRow, RowFault } from './reading/file-rows.ts';
export { type KeysetOptions, readByKeyset } from './reading/read-by-keyset.ts';
export { type ByteOptions, type ByteSource, readBytes } from './reading/read-bytes.ts';
export { type CsvOptions, type CsvRow, readCsv } from './reading/read-csv.ts';
export { type ChunkOptions, readInChunks } from './reading/read-in-chunks.ts';
export { type NdjsonOptions, readNdjson } from './reading/read-ndjson.ts';
export { type ScanOptions, scanKeys } from './reading/scan-keys.ts';
export { type ConsistencySession, openSession, runInSession, sessionToken } from './session.ts';
export { storeSessionSettings } from './session-settings.ts';
