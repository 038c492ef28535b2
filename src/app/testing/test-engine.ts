import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { InjectOptions, RouteOptions } from 'fastify';
import { createApiKey, type HttpServer, type Scope } from '#platform/http-server';
import { createMailboxServer } from '#platform/mail';
import type { ServiceModule } from '#platform/service';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { loadConfig } from '../config.ts';
import { type Context, createContext } from '../context.ts';
import { createEngineServer } from '../engine-server.ts';

export const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** Stands in every secret of the engine: no answer may hold it. */
export const secretOfTests = 'secret-of-the-tests';

/** What the posts of mail providers are checked by. */
export const mailProviders = {
  ses: 'arn:aws:sns:eu-west-1:1:bounces',
  sendgrid: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
  postmark: `user:${secretOfTests}`,
  mailgun: `${secretOfTests}-of-mailgun`,
};

export type Route = Pick<RouteOptions, 'url' | 'method' | 'config'>;

/** The whole engine on a database of its own, with its server in this process: nothing listens, and no job runs. */
export type TestEngine = {
  readonly t: TestContext;
  readonly context: Context;
  readonly server: HttpServer;
  /** A server on loopback that gives a picture for every path. */
  readonly picturesUrl: string;
  /** Of the services: every route, with what the API's description hides. */
  readonly routes: readonly Route[];
  /** In clear text, with these scopes. */
  createKey(scopes: readonly Scope[]): Promise<string>;
  close(): Promise<void>;
};

export async function createTestEngine(): Promise<TestEngine> {
  const t = await createTestContext();
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'aquascene-test-engine-'));
  const { database, clock, logger } = t;
  const mailbox = await createMailboxServer({ database, clock, logger, port: 0 });
  const pictures = createServer((_request, response) => response.setHeader('content-type', 'image/png').end(png));
  await new Promise<void>((resolve) => pictures.listen(0, '127.0.0.1', resolve));
  const picturesHost = `127.0.0.1:${(pictures.address() as AddressInfo).port}`;
  const config = loadConfig({
    DATABASE_URL: t.databaseUrl,
    DATA_DIR: dataDir,
    // All come from one address, and more of them than any reader sends.
    RATE_LIMITS: 'off',
    LOAD_SHEDDING_LAG_MS: '60000',
    // The process of the tests holds every request at once.
    LOAD_SHEDDING_MEMORY_MB: '65536',
    MAILBOX_PORT: String(mailbox.port),
    CRAWL_ALLOWED_PRIVATE_HOSTS: picturesHost,
    MAIL_WEBHOOK_SECRETS: Object.entries(mailProviders)
      .map(([name, secret]) => `${name}=${secret}`)
      .join(','),
    // Never called: no job runs.
    INSTAGRAM_ACCOUNT_ID: '1',
    INSTAGRAM_ACCESS_TOKEN: `${secretOfTests}-of-Instagram`,
    APP_SECRET: `${secretOfTests}-of-the-engine`,
    LOG_LEVEL: t.logger.level,
    LOG_FORMAT: 'json',
  });
  const context = await createContext({ config, databaseUrl: t.databaseUrl, name: 'test', isScheduler: false });
  const routes: Route[] = [];
  const watch: ServiceModule = {
    name: 'watch',
    routes: (app) => void app.addHook('onRoute', (route) => void routes.push(route)),
    jobs: [],
    subscriptions: [],
    schedules: [],
  };
  const server = await createEngineServer(
    { ...context, modules: [watch, ...context.modules] },
    { isApi: true, metricsText: () => context.metrics.text() },
  );
  await server.ready();
  return {
    t,
    context,
    server,
    picturesUrl: `http://${picturesHost}`,
    routes,
    createKey: async (scopes) => (await createApiKey(t.database, t.clock, { name: 'test', scopes })).key,
    async close() {
      await server.close();
      await context.close();
      await mailbox.close();
      pictures.closeAllConnections();
      pictures.close();
      await t.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export type Answer = {
  readonly status: number;
  readonly type: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
};

export async function send(server: HttpServer, request: InjectOptions): Promise<Answer> {
  const { statusCode, headers, body } = await server.inject(request);
  return { status: statusCode, type: String(headers['content-type'] ?? ''), headers, body };
}

/** The problem that the answer carries: every failure of the API is one, and says what is wrong where. */
export function problemIn({ status, type, body }: Answer, what: string): { code: string; fields: { path: string; message: string }[] } {
  assert.match(type, /^application\/problem\+json/, `${what}: ${status} ${type} ${body.slice(0, 200)}`);
  const problem: unknown = JSON.parse(body);
  assert.ok(typeof problem === 'object' && problem !== null && 'code' in problem && 'status' in problem && 'title' in problem, what);
  assert.equal(problem.status, status, what);
  assert.ok(typeof problem.code === 'string' && /^[a-z_]+$/.test(problem.code), `${what}: ${String(problem.code)}`);
  const fields = 'fields' in problem && Array.isArray(problem.fields) ? problem.fields : [];
  for (const field of fields) assert.ok(typeof field.path === 'string' && field.path.startsWith('/') && field.message !== '', what);
  return { code: problem.code, fields };
}
