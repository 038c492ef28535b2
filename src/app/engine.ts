import type { Logger } from '#platform/telemetry';
import type { Config } from './config.ts';
import { type Context, createContext } from './context.ts';
import { migrateAll, openDatabaseServer } from './database-server.ts';
import type { Role } from './roles.ts';

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
    await migrateAll(config, server.url);
    const context = await createContext({
      config,
      databaseUrl: server.url,
      name: 'command',
      isScheduler: roles.includes('scheduler'),
      logger,
    });
    try {
      await startWork(context, roles);
      return await work(context);
    } finally {
      await context.close();
    }
  } finally {
    await server.embedded?.stop();
  }
}
