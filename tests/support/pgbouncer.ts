import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { findFreePort } from './free-port.ts';
import { findProgram, type Program } from './programs.ts';
import { type ServerProgram, startProgram } from './server-program.ts';
import { waitFor } from './wait-for.ts';

// Debian puts it where an ordinary user's PATH does not look.
export const pgbouncer: Program = { names: ['pgbouncer', '../sbin/pgbouncer'], debianPackage: 'pgbouncer' };

export type PgBouncer = {
  /** The address of the database by way of the pooler. */
  readonly url: string;
  readonly port: number;
  /** Ends it at once, with all of its connections. */
  kill(): Promise<void>;
  /** On the same port. */
  start(): Promise<void>;
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
};

export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/**
 * PgBouncer in transaction mode before this database, on a free loopback port. Start-up parameters other than those that it
 * tracks are refused, as its own defaults have it.
 */
export async function startPgBouncer(databaseUrl: string, { poolSize = 10 } = {}): Promise<PgBouncer> {
  const target = new URL(databaseUrl);
  const port = await findFreePort();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-pgbouncer-'));
  const configFile = path.join(folder, 'pgbouncer.ini');
  const usersFile = path.join(folder, 'users.txt');
  const isRoot = process.getuid?.() === 0;
  // It gives up root's rights itself, and then reads these files as somebody else.
  chmodSync(folder, 0o755);
  writeFileSync(usersFile, `"${target.username}" "${target.password}"\n`);
  writeFileSync(
    configFile,
    [
      '[databases]',
      `* = host=${target.hostname} port=${target.port}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'pool_mode = transaction',
      `default_pool_size = ${poolSize}`,
      'max_client_conn = 500',
      'auth_type = scram-sha-256',
      `auth_file = ${usersFile}`,
      'server_login_retry = 1',
      ...(isRoot ? ['user = nobody'] : []),
      '',
    ].join('\n'),
  );
  const url = new URL(databaseUrl);
  url.port = String(port);
  let program: ServerProgram;
  const start = async () => {
    program = startProgram(findProgram(pgbouncer) ?? 'pgbouncer', [configFile]);
    await waitFor(`PgBouncer on port ${port}`, () => isListening(port));
  };
  await start();
  return {
    url: url.toString(),
    port,
    start,
    kill: () => program.kill(),
    pause: () => program.pause(),
    resume: () => program.resume(),
    async stop() {
      // It has nothing to lose; asked to stop, it would end with a failure.
      await program.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
