export { type RawBuilder, sql } from 'kysely';
export { checkDatabaseServer } from './check-server.ts';
export type { PoolFigures } from './connection-pool.ts';
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
