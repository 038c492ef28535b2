import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { InjectOptions, RouteOptions } from 'fastify';
import { createApiKey, type HttpServer, type Scope } from '#platform/http-server';
import type { ServiceModule } from '#platform/service';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { loadConfig } from '../config.ts';
import { type Context, createContext } from '../context.ts';
import { createEngineServer } from '../engine-server.ts';

export type Route = Pick<RouteOptions, 'url' | 'method' | 'config'>;

/** The whole engine on a database of its own, with its server in this process: nothing listens, and no job runs. */
export type TestEngine = {
  readonly t: TestContext;
  readonly context: Context;
  readonly server: HttpServer;
  /** Of the services: every route, with what the API's description hides. */
  readonly routes: readonly Route[];
  /** In clear text, with these scopes. */
  createKey(scopes: readonly Scope[]): Promise<string>;
  close(): Promise<void>;
};

export async function createTestEngine(): Promise<TestEngine> {
  const t = await createTestContext();
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'aquascene-test-engine-'));
  const config = loadConfig({
    DATABASE_URL: t.databaseUrl,
    DATA_DIR: dataDir,
    // All come from one address, and more of them than any reader sends.
    RATE_LIMITS: 'off',
    LOAD_SHEDDING_LAG_MS: '60000',
    // Never called: no job runs.
    INSTAGRAM_ACCOUNT_ID: '1',
    INSTAGRAM_ACCESS_TOKEN: 'token',
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
    routes,
    createKey: async (scopes) => (await createApiKey(t.database, t.clock, { name: 'test', scopes })).key,
    async close() {
      await server.close();
      await context.close();
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
