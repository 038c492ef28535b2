export { type RawBuilder, sql } from 'kysely';
export {
  createDatabase,
  type Database,
  type DatabaseOptions,
  type PoolFigures,
  type Queryable,
  type Transaction,
} from './database.ts';
export { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';
export { migrate } from './migrate.ts';
