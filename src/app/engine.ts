import path from 'node:path';
import { type EmbeddedPostgres, migrate, startEmbeddedPostgres } from '#platform/database';
import { migrateJobs } from '#platform/jobs';
import type { Logger } from '#platform/telemetry';
import type { Config } from './config.ts';
import { type Context, createContext } from './context.ts';
import type { Role } from './roles.ts';

const migrationsFolder = path.resolve(import.meta.dirname, '../../migrations');

export type DatabaseServer = {
  readonly url: string;
  /** Undefined when the database is somebody else's (DATABASE_URL). */
  readonly embedded: EmbeddedPostgres | undefined;
};

export async function openDatabaseServer(config: Config, logger: Logger): Promise<DatabaseServer> {
  if (config.database.url !== undefined) return { url: config.database.url, embedded: undefined };
  const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, logger });
  return { url: embedded.url, embedded };
}

/** @returns names of the migrations that were applied */
export async function migrateAll(databaseUrl: string): Promise<string[]> {
  const applied = await migrate(databaseUrl, migrationsFolder);
  await migrateJobs(databaseUrl);
  return applied;
}

/** Takes up the jobs and events of these roles in this process. */
export async function startWork(context: Context, roles: readonly Role[]): Promise<void> {
  const modules = context.modules.filter((module) => (roles as readonly string[]).includes(module.name));
  await context.events.subscribe(modules.flatMap((module) => module.subscriptions));
  await context.jobs.work(modules.flatMap((module) => module.jobs));
  if (!roles.includes('scheduler')) return;
  for (const { definition, cron } of context.modules.flatMap((module) => module.schedules)) {
    await context.jobs.schedule(definition, cron);
  }
}

/**
 * For a command that works on the engine's data: joins a running engine's database, or starts it for the time of the
 * command. With roles, this process does their work too, so that the command ends with something done.
 */
export async function withEngine<T>(
  config: Config,
  logger: Logger,
  roles: readonly Role[],
  work: (context: Context) => Promise<T>,
): Promise<T> {
  const server = await openDatabaseServer(config, logger);
  try {
    await migrateAll(server.url);
    const context = await createContext({
      config,
      databaseUrl: server.url,
      name: 'command',
      isScheduler: roles.includes('scheduler'),
    });
    try {
      await startWork(context, roles);
      return await work(context);
    } finally {
      await context.close();
    }
  } finally {
    if (server.embedded !== undefined && !server.embedded.isAdopted) await server.embedded.stop();
  }
}
