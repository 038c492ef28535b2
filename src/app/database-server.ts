import path from 'node:path';
import { checkDatabaseServer, type EmbeddedPostgres, migrate, startEmbeddedPostgres, storeSessionSettings } from '#platform/database';
import { migrateJobs } from '#platform/jobs';
import type { Logger } from '#platform/telemetry';
import type { Config } from './config.ts';
import { sessionSettingsOf } from './database-settings.ts';

const migrationsFolder = path.resolve(import.meta.dirname, '../../migrations');

export type DatabaseServer = {
  readonly url: string;
  /** Undefined when the database is somebody else's (DATABASE_URL). */
  readonly embedded: EmbeddedPostgres | undefined;
};

export async function openDatabaseServer(config: Config, logger: Logger): Promise<DatabaseServer> {
  const { url } = config.database;
  if (url !== undefined) {
    await checkDatabaseServer(config.database.directUrl ?? url);
    return { url, embedded: undefined };
  }
  const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, logger });
  return { url: embedded.url, embedded };
}

/** @returns names of the migrations that were applied */
export async function migrateAll(config: Config, databaseUrl: string): Promise<string[]> {
  const { directUrl = databaseUrl, isPooled } = config.database;
  if (isPooled) await storeSessionSettings(directUrl, sessionSettingsOf(config));
  const applied = await migrate(directUrl, migrationsFolder);
  await migrateJobs(directUrl);
  return applied;
}
