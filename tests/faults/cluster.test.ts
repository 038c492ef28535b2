import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findFreePort } from '../support/free-port.ts';
import { type PgBouncer, pgbouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { type PostgresCluster, startPostgresCluster } from '../support/postgres-cluster.ts';
import { reasonToSkip } from '../support/programs.ts';
import { type RedisNode, redisServer, startRedis } from '../support/redis-servers.ts';
import { waitFor } from '../support/wait-for.ts';

const command = path.resolve(import.meta.dirname, '../../bin/aquascene');

type Answer = { readonly status: number; readonly headers: Headers; readonly body: string };

describe('roles on PgBouncer, replicas and Redis', { skip: reasonToSkip(redisServer) || reasonToSkip(pgbouncer) }, () => {
  let cluster: PostgresCluster;
  let pooler: PgBouncer;
  let redis: RedisNode;
  let environment: NodeJS.ProcessEnv;
  let key: string;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-roles-'));
  const children: ChildProcess[] = [];
  let origins: string[] = [];

  function startRole(role: string, port: number): string {
    const child = spawn(process.execPath, [command, 'start', '--role', role], {
      env: { ...environment, PORT: String(port) },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    children.push(child);
    return `http://127.0.0.1:${port}`;
  }

  async function ask(url: string, init: { method?: string; body?: object; token?: string } = {}): Promise<Answer> {
    const answer = await fetch(url, {
      method: init.method ?? 'GET',
      headers: {
        authorization: `Bearer ${key}`,
        ...(init.body !== undefined && { 'content-type': 'application/json' }),
        ...(init.token !== undefined && { 'x-consistency-token': init.token }),
      },
      ...(init.body !== undefined && { body: JSON.stringify(init.body) }),
    });
    return { status: answer.status, headers: answer.headers, body: await answer.text() };
  }

  const until = (what: string, url: string, status: number) =>
    waitFor(what, async () => {
      try {
        return (await ask(url)).status === status;
      } catch {
        // Not listening yet: asked again.
        return false;
      }
    });

  const suppress = (origin: string, address: string) => ask(`${origin}/api/v1/suppressions`, { method: 'POST', body: { address } });

  async function publish(origin: string, title: string): Promise<string> {
    const draft = await ask(`${origin}/api/v1/content`, {
      method: 'POST',
      body: {
        ...{ title, summary: `${title}, told from the start.`, contentType: 'guide', language: 'en', category: 'plants', tags: [] },
        sections: [{ heading: 'First', paragraphs: [`${title} is a long story.`] }],
      },
    });
    assert.equal(draft.status, 201, draft.body);
    const { id, slug } = JSON.parse(draft.body);
    for (const step of ['submit', 'approve', 'publish']) {
      const answer = await ask(`${origin}/api/v1/content/${id}/${step}`, { method: 'POST' });
      assert.equal(answer.status, 200, answer.body);
    }
    return slug;
  }

  before(async () => {
    chmodSync(folder, 0o755);
    cluster = await startPostgresCluster();
    pooler = await startPgBouncer(cluster.primary.url, { poolSize: 20 });
    redis = await startRedis();
    const { PATH, HOME, LANG, TMPDIR } = process.env;
    environment = {
      ...{ PATH, HOME, LANG, TMPDIR },
      DATABASE_URL: pooler.url,
      DATABASE_POOLER: 'pgbouncer',
      DATABASE_DIRECT_URL: cluster.primary.url,
      DATABASE_REPLICA_URLS: cluster.replicas.map(({ url }) => url).join(','),
      REDIS_URL: redis.url,
      EVENTS_DRIVER: 'redis',
      DATA_DIR: folder,
      SAMPLE: 'off',
      LOG_LEVEL: 'fatal',
      LOG_FORMAT: 'json',
      LOAD_SHEDDING_LAG_MS: '60000',
    };
    const made = spawn(process.execPath, [command, 'keys', 'create', 'tests', '--json'], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    key = JSON.parse(String((await made.stdout.toArray()).join(''))).key;
    origins = [startRole('api', await findFreePort()), startRole('api', await findFreePort())];
    for (const origin of origins) await until('the API', `${origin}/health/ready`, 200);
  });
  after(async () => {
    await Promise.all(
      children.map((child) => {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        return child.exitCode === null && child.signalCode === null ? ended : undefined;
      }),
    );
    await redis?.stop();
    await pooler?.stop();
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('what one process publishes, the other shows at once; what it wrote, a read with its token sees', async () => {
    const [first = '', second = ''] = origins;
    assert.doesNotMatch((await ask(`${second}/articles`)).body, /Java moss/);
    const slug = await publish(first, 'Java moss');
    await waitFor('the list of the other process', async () => (await ask(`${second}/articles`)).body.includes(slug));
    assert.equal((await ask(`${second}/articles/${slug}`)).status, 200);
    const written = await suppress(first, 'own-writes@example.org');
    const token = written.headers.get('x-consistency-token') ?? '';
    assert.notEqual(token, '');
    assert.match((await ask(`${second}/api/v1/suppressions`, { token })).body, /own-writes@example\.org/);
  });

  test('Redis killed, then hanging: readers and writers notice nothing', async () => {
    const [first = '', second = ''] = origins;
    const useEverything = async (name: string) => {
      for (const origin of [first, second]) {
        assert.equal((await ask(`${origin}/articles`)).status, 200);
        assert.equal((await ask(`${origin}/api/v1/content`)).status, 200);
        assert.equal((await suppress(origin, `${name}-${origin.split(':').at(-1)}@example.org`)).status, 201);
      }
    };
    await redis.kill();
    await useEverything('killed');
    await redis.start();
    await useEverything('back');
    redis.pause();
    await useEverything('hanging');
    redis.resume();
    const slug = await publish(first, 'Christmas moss');
    await waitFor('the list of the other process', async () => (await ask(`${second}/articles`)).body.includes(slug));
  });

  test('a replica killed: no read fails, and it is taken back', async () => {
    const [origin = ''] = origins;
    await cluster.replicas[0]?.kill();
    for (let count = 0; count < 20; count += 1) assert.equal((await ask(`${origin}/api/v1/content?limit=${count + 1}`)).status, 200);
    await cluster.replicas[0]?.start();
    const isBack = async () => Object.entries(JSON.parse((await ask(`${origin}/health/ready`)).body).dependencies);
    await waitFor('the replica to be taken back', async () =>
      (await isBack()).filter(([name]) => name.startsWith('replica')).every(([, state]) => (state as { status: string }).status === 'up'),
    );
  });

  test('the primary killed: reads go on, writes are refused with a time to come back, and nothing acknowledged is lost', async () => {
    const [origin = ''] = origins;
    assert.equal((await suppress(origin, 'before@example.org')).status, 201);
    await cluster.primary.kill();
    assert.equal((await ask(`${origin}/api/v1/content`)).status, 200);
    await waitFor('readiness to say so', async () => JSON.parse((await ask(`${origin}/health/ready`)).body).status === 'degraded');
    // PgBouncer holds whoever waits for the primary: until that is noticed, a read that wants the latest waits too.
    await waitFor('such reads to go on', async () => (await ask(`${origin}/articles`)).status === 200);
    const refused = await suppress(origin, 'during@example.org');
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    await cluster.primary.start();
    await waitFor('writes to go on', async () => (await suppress(origin, 'after@example.org')).status < 300);
    const kept = await cluster.primary.query<{ address: string }>('select address from suppressions');
    const addresses = kept.map(({ address }) => address);
    assert.ok(addresses.includes('before@example.org') && addresses.includes('after@example.org'));
  });

  test('PgBouncer restarted: writes go on by themselves', async () => {
    const [origin = ''] = origins;
    await pooler.kill();
    await pooler.start();
    await waitFor('writes to go on', async () => (await suppress(origin, 'pooled@example.org')).status < 300);
  });
});
