import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { type Database, sql } from '#platform/database';
import { createApiKey, scopes } from '#platform/http-server';
import { systemClock } from '#shared/clock';
import { findFreePort } from './free-port.ts';
import { waitFor } from './wait-for.ts';

/** Only ends a test that hangs. */
const giveUpAfterMs = 180_000;
const command = path.resolve(import.meta.dirname, '../../bin/aquascene');

export type RoleProcess = {
  readonly port: number;
  readonly origin: string;
  /** What it logged so far. */
  output(): string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
};

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the tests are about
  readonly json: any;
};

/** Processes of single roles on one database, each of which a test can kill. */
export type RoleStand = {
  /** Resolves when the process has taken up its work. Its own settings win over those of the stand. */
  start(roles: string, environment?: Readonly<Record<string, string>>): Promise<RoleProcess>;
  /** Asks an API process with a key of all scopes. */
  call(
    api: RoleProcess,
    method: string,
    target: string,
    body?: object | string | Buffer,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  /**
   * What time alone does once workers have died: their jobs are missed and go back to their queues, and what was put off is due.
   * Only while no worker runs.
   */
  passTime(): Promise<void>;
  /** Kills what still runs. */
  close(): Promise<void>;
};

async function isAnswering(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).status < 500;
  } catch (error) {
    // Not listening yet.
    assert.ok(error instanceof TypeError);
    return false;
  }
}

export async function createRoleStand(options: {
  readonly database: Database;
  readonly environment: Readonly<Record<string, string>> & { readonly DATABASE_URL: string };
}): Promise<RoleStand> {
  const { database } = options;
  const children = new Map<ChildProcess, Promise<unknown>>();
  const { key } = await createApiKey(database, systemClock, { name: 'tests', scopes: [...scopes] });
  const { PATH, HOME, TMPDIR } = process.env;
  // Known beforehand: the others link to the site, and look at it.
  const apiPort = await findFreePort();
  const shared = {
    ...{ PATH, HOME, TMPDIR, SAMPLE: 'off', LOG_LEVEL: 'warn', LOG_FORMAT: 'json', RATE_LIMITS: 'off' },
    // How busy the machine is, and how long a test holds something still, decides nothing.
    ...{ LOAD_SHEDDING_LAG_MS: '60000', DATABASE_LOCK_TIMEOUT_MS: '600000', DATABASE_STATEMENT_TIMEOUT_MS: '600000' },
    BASE_URL: `http://127.0.0.1:${apiPort}`,
    MAIL_FROM: 'Newsroom <news@news.localhost>',
    ...options.environment,
  };

  return {
    async start(roles, environment = {}) {
      const port = roles === 'api' ? apiPort : await findFreePort();
      const child = spawn(process.execPath, [command, 'start', '--role', roles], {
        env: { ...shared, PORT: String(port), ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => void (output += chunk.toString()));
      const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      children.set(child, exited);
      const origin = `http://127.0.0.1:${port}`;
      if (roles !== 'mailbox') {
        await waitFor(
          `the role ${roles}`,
          () => {
            assert.equal(child.exitCode, null, output);
            return isAnswering(`${origin}/health/live`);
          },
          giveUpAfterMs,
        );
      }
      return {
        ...{ port, origin, output: () => output },
        async kill() {
          child.kill('SIGKILL');
          await exited;
          children.delete(child);
        },
      };
    },

    async call(api, method, target, body, headers = {}) {
      const answer = await fetch(`${api.origin}${target}`, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(typeof body === 'object' && !Buffer.isBuffer(body) && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body) }),
      });
      const text = await answer.text();
      const isJson = /json/.test(answer.headers.get('content-type') ?? '');
      return { status: answer.status, headers: answer.headers, json: isJson ? JSON.parse(text) : text };
    },

    async passTime() {
      await database.execute(
        'test.pass-time',
        sql`update pgboss.job set state = 'created', started_on = null, heartbeat_on = null, start_after = now()
            where state in ('active', 'retry') or state = 'created' and start_after > now()`,
      );
    },

    async close() {
      for (const [child, exited] of children) {
        child.kill('SIGKILL');
        await exited;
      }
    },
  };
}
