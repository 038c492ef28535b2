import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#platform/database';
import { createLogger } from '#platform/telemetry';
import { createWorkplace, type Engine, runCommand, startEngine, type Workplace } from '../support/engine.ts';
import { findPostmaster } from '../support/processes.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

// The server gives up after 8 s; the rest is for a machine that is busy.
const limitSeconds = 15;
const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });

async function fetchStatus(url: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  try {
    return (await fetch(url, { headers })).status;
  } catch (error) {
    // Not listening yet, or cut off: no status.
    assert.ok(error instanceof TypeError);
    return undefined;
  }
}

describe('a database of one’s own goes away under the roles', () => {
  let workplace: Workplace;
  let dataDir: string;
  let server: EmbeddedPostgres;
  let proxy: TcpProxy;
  let roles: Engine;
  let headers: Record<string, string>;
  const url = (target: string) => `${roles.baseUrl}${target}`;

  before(async () => {
    workplace = await createWorkplace();
    dataDir = mkdtempSync(path.join(os.tmpdir(), 'aquascene-database-'));
    server = await startEmbeddedPostgres({ dataDir, logger });
    proxy = await startTcpProxy({ targetPort: server.port });
    const address = new URL(server.url);
    address.port = String(proxy.port);
    const environment = { DATABASE_URL: address.toString() };
    const created = await runCommand(workplace, ['keys', 'create', 'test', '--json'], environment);
    assert.equal(created.code, 0, created.stderr);
    headers = { authorization: `Bearer ${JSON.parse(created.stdout).key}` };
    roles = startEngine(workplace, environment, ['start', '--role', 'api,scheduler']);
    await waitFor('the API', async () => (await fetchStatus(url('/health/ready'))) === 200);
  });
  after(async () => { console.error(roles.output());
    await roles.stop();
    await proxy.close();
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
    workplace.remove();
  });

  test('requests answer 503 with Retry-After, the process lives on, and it recovers by itself', async () => {
    assert.equal(await fetchStatus(url('/api/v1/content'), headers), 200);
    process.kill(server.pid, 'SIGKILL');
    await server.exited;

    const response = await fetch(url('/api/v1/content'), { headers });
    assert.equal(response.status, 503);
    assert.ok(Number(response.headers.get('retry-after')) >= 1);
    assert.match(String(response.headers.get('content-type')), /^application\/problem\+json/);
    const problem: unknown = await response.json();
    assert.ok(typeof problem === 'object' && problem !== null && 'code' in problem);
    assert.equal(problem.code, 'database_unavailable');
    const page = await fetch(url('/'), { headers: { accept: 'text/html' } });
    assert.equal(page.status, 503);
    assert.ok(Number(page.headers.get('retry-after')) >= 1);
    assert.match(String(page.headers.get('content-type')), /^text\/html/);
    assert.match(await page.text(), /<h1>Back in a moment<\/h1>/);
    assert.equal(await fetchStatus(url('/health/live')), 200);
    assert.equal(await fetchStatus(url('/health/ready')), 503);

    server = await startEmbeddedPostgres({ dataDir, logger, port: server.port });
    await waitFor('the recovery', async () => (await fetchStatus(url('/api/v1/content'), headers)) === 200);
    assert.equal(await fetchStatus(url('/health/ready')), 200);
    assert.equal(roles.child.exitCode, null, 'the process was not restarted');
  });

  test('one that accepts connections and never answers: 503 in bounded time, then at once, and recovery by itself', async () => {
    const timed = async (target: string) => {
      const started = performance.now();
      const response = await fetch(url(target), { headers });
      return { status: response.status, seconds: (performance.now() - started) / 1000, body: await response.text() };
    };
    proxy.set('silent');
    // More than there are connections, pages and API alike.
    const answers = Promise.all([...Array.from({ length: 20 }, () => timed('/api/v1/content')), timed('/'), timed('/health/ready')]);
    assert.equal(await fetchStatus(url('/health/live')), 200);
    for (const { status, seconds, body } of await answers) {
      assert.equal(status, 503, body);
      assert.ok(seconds < limitSeconds, `${seconds} s`);
    }
    const known = await timed('/api/v1/content');
    assert.equal(known.status, 503);
    assert.ok(known.seconds < 2, `${known.seconds} s`);

    proxy.set('open');
    await waitFor('the recovery', async () => (await fetchStatus(url('/api/v1/content'), headers)) === 200, 15_000);
    assert.equal(await fetchStatus(url('/health/ready')), 200);
    assert.equal(roles.child.exitCode, null, 'the process was not restarted');
  });

  test('a process that is told to stop while the database is silent ends all the same', async () => {
    proxy.set('silent');
    assert.equal(await roles.stop(), 0);
    proxy.set('open');
  });
});

describe('the embedded database is killed', () => {
  let workplace: Workplace;
  let engine: Engine;
  before(async () => {
    workplace = await createWorkplace();
    engine = startEngine(workplace, { SAMPLE: 'off' });
    await engine.ready;
  });
  after(async () => { console.error(roles.output());
    await engine.stop();
    workplace.remove();
  });

  test('the engine starts it again and goes on', async () => {
    const killed = findPostmaster(workplace.dataDir);
    assert.ok(killed);
    process.kill(killed.pid, 'SIGKILL');
    await waitFor('another server', () => {
      const running = findPostmaster(workplace.dataDir);
      return running !== undefined && running.pid !== killed.pid;
    });
    await waitFor('the site', async () => (await fetchStatus(`${engine.baseUrl}/`)) === 200);
    assert.equal(await fetchStatus(`${engine.baseUrl}/health/ready`), 200);
  });
});
