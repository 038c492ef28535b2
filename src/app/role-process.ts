import type { ReadyMessage } from './children.ts';
import { type Config, ConfigError } from './config.ts';
import type { Role } from './roles.ts';
import type { StartReport } from './start-report.ts';
import { listenForStop, outliveOutput } from './stop-signals.ts';

type Closer = () => Promise<void>;

/** Runs these roles in this process until it is told to stop. Supervised: by our own `start`, which migrated already. */
export async function runRoles(config: Config, roles: readonly Role[], isSupervised: boolean): Promise<void> {
  const { url } = config.database;
  if (url === undefined) {
    throw new ConfigError(['DATABASE_URL (--database-url): needed with --role; give the address of a PostgreSQL that all roles share.']);
  }
  outliveOutput();
  let isReady = false;
  const stopped = waitForStop(isSupervised, () => {
    // Nothing is under way yet that an end could hurt, and what is waited for may never come.
    if (!isReady) process.exit();
  });
  if (!isSupervised) {
    const [{ checkDatabaseServer }, { migrateAll }] = await Promise.all([import('#platform/database'), import('./database-server.ts')]);
    await checkDatabaseServer(config.database.directUrl ?? url);
    await migrateAll(config, url);
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
    isReady = true;
    if (process.connected) process.send?.({ ready: true, report } satisfies ReadyMessage);
    await stopped;
  } finally {
    for (const close of closers.reverse()) await close();
    // The channel to the supervisor would keep the process alive.
    if (process.connected) process.disconnect();
  }
}

function waitForStop(isSupervised: boolean, onStop: () => void): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      onStop();
      resolve();
    };
    if (!isSupervised) {
      listenForStop({ onStop: stop, onImpatience: () => process.exit(130) });
      return;
    }
    process.once('SIGTERM', stop);
    // Ctrl-C and the end of a terminal reach the whole group: the supervisor decides who stops when.
    for (const name of ['SIGINT', 'SIGHUP']) process.on(name, () => undefined);
    // Without it nobody would.
    process.once('disconnect', stop);
    if (!process.connected) stop();
  });
}
