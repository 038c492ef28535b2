import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { migrate, startEmbeddedPostgres } from '#platform/database';
import { migrateJobs } from '#platform/jobs';
import { createLogger } from '#platform/telemetry';

export const templateDatabase = 'aquascene_template';
export const migrationsFolder = path.resolve(import.meta.dirname, '../../migrations');

export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.toString();
}

/** A server for one run of the tests, with the migrated database that every test file clones. */
export async function startTestPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'aquascene-test-'));
  const server = await startEmbeddedPostgres({
    dataDir,
    logger: createLogger({ level: 'warn', format: 'json', role: 'test' }),
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '300' },
  });
  const stop = async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
    if (!server.folder.startsWith(dataDir)) rmSync(path.dirname(server.folder), { recursive: true, force: true });
  };
  try {
    await createTemplate(server.url);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: server.url, stop };
}

async function createTemplate(serverUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(`create database ${templateDatabase}`);
  await client.end();
  const templateUrl = withDatabase(serverUrl, templateDatabase);
  await migrate(templateUrl, migrationsFolder);
  await migrateJobs(templateUrl);
}
