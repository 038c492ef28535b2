import type { ReadyMessage } from './children.ts';
import { type Config, ConfigError } from './config.ts';
import type { Role } from './roles.ts';
import type { StartReport } from './start-report.ts';

type Closer = () => Promise<void>;

/** Runs these roles in this process until it is told to stop. Supervised: by our own `start`, which migrated already. */
export async function runRoles(config: Config, roles: readonly Role[], isSupervised: boolean): Promise<void> {
  const { url } = config.database;
  if (url === undefined) {
    throw new ConfigError(['DATABASE_URL (--database-url): needed with --role; give the address of a PostgreSQL that all roles share.']);
  }
  if (!isSupervised) {
    const { migrateAll } = await import('./database-server.ts');
    await migrateAll(url);
  }
  const closers: Closer[] = [];
  let report: StartReport | undefined;
  try {
    if (roles.includes('mailbox')) {
      const { startLocalServers } = await import('./local-servers.ts');
      closers.push(...(await startLocalServers(config, url)));
    }
    if (roles.some((role) => role !== 'mailbox')) {
      const { startEngineRoles } = await import('./engine-roles.ts');
      const started = await startEngineRoles(config, url, roles, isSupervised);
      closers.push(started.close);
      report = started.report;
    }
    const stopped = waitForStop(isSupervised);
    process.send?.({ ready: true, report } satisfies ReadyMessage);
    await stopped;
  } finally {
    for (const close of closers.reverse()) await close();
    // The channel to the supervisor would keep the process alive.
    if (process.connected) process.disconnect();
  }
}

function waitForStop(isSupervised: boolean): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    if (isSupervised) {
      // Ctrl-C reaches the whole terminal group: the supervisor decides who stops when. Without it nobody would.
      process.on('SIGINT', () => undefined);
      process.once('disconnect', () => resolve());
    } else process.once('SIGINT', () => resolve());
  });
}
