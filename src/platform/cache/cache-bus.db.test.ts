import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { authorize, createTestServer } from '../../../tests/support/test-server.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { composePayloads } from './bus-relay.ts';
import { createCacheRoutes } from './cache-routes.ts';
import { createPostgresBus } from './postgres-bus.ts';
import { startTestProcess, type TestProcess } from './testing/test-caches.ts';

describe('caches that share a PostgreSQL and no Redis', () => {
  let context: TestContext;
  let a: TestProcess;
  let b: TestProcess;
  before(async () => {
    context = await createTestContext();
    const bus = createPostgresBus({ database: context.database, logger: context.logger });
    [a, b] = await Promise.all([startTestProcess({ bus }), startTestProcess({ bus })]);
    await waitFor('both to hear', async () => {
      await put('probe');
      await content(a).remove('probe');
      return content(b).peek('probe') === undefined;
    });
  });
  after(async () => {
    await Promise.all([a?.close(), b?.close()]);
    await context?.close();
  });

  const content = (it: TestProcess) => it.caches.named('content');
  const put = (key: string) => Promise.all([a, b].map((it) => content(it).set(key, 1, { tags: [`tag-${key}`] })));
  const both = async (key: string) =>
    waitFor(`${key} in both`, async () => {
      await Promise.all([a, b].map((it) => content(it).getOrSet(key, () => 1, { tags: [`tag-${key}`] })));
      return [a, b].every((it) => content(it).peek(key) === 1);
    });
  const isGone = (it: TestProcess, key: string) => waitFor(`${key} to be gone`, () => content(it).peek(key) === undefined);

  test('an invalidation reaches the other process', async () => {
    await both('plain');
    await content(a).removeByTag('tag-plain');
    assert.equal(content(a).peek('plain'), undefined);
    await isGone(b, 'plain');
  });

  test('with a transaction: when it commits everyone is told, and nobody when it rolls back', async () => {
    await both('kept');
    await both('committed');
    const invalidate = (key: string, end: () => void) =>
      context.database.transaction(async (transaction) => {
        await a.caches.invalidateAfterCommit(transaction, { cache: 'content', tags: [`tag-${key}`] });
        end();
      });
    await assert.rejects(
      invalidate('kept', () => {
        throw new Error('no');
      }),
    );
    await invalidate('committed', () => assert.equal(content(a).peek('committed'), 1));
    assert.equal(content(a).peek('committed'), undefined);
    await isGone(b, 'committed');
    assert.deepEqual([content(a).peek('kept'), content(b).peek('kept')], [1, 1]);
  });

  test('after the connection of a listener was lost, nothing from before is served', async () => {
    await both('lost');
    await context.database.query(
      'test.cut',
      sql<object>`select pg_terminate_backend(pid) from pg_stat_activity
                  where datname = current_database() and query like 'listen%aquascene_cache%'`,
    );
    await Promise.all([isGone(a, 'lost'), isGone(b, 'lost')]);
  });

  test('more than one message carries goes in several, and too much becomes everything', () => {
    const compose = (count: number) =>
      composePayloads(
        { cache: 'content', id: 'x', scopes: Array.from({ length: count }, (_, index) => `t:${index}:${'ä'.repeat(90)}`) },
        7900,
      );
    const payloads = compose(200);
    assert.ok(payloads.length > 1 && payloads.every((payload) => Buffer.byteLength(payload) <= 7900));
    assert.equal(new Set(payloads.flatMap((payload) => JSON.parse(payload).scopes)).size, 200);
    assert.deepEqual(JSON.parse(compose(10_000)[0] ?? '').scopes, ['*']);
  });

  test('figures and purging over HTTP', async () => {
    const app = await createTestServer(context, [createCacheRoutes(a.caches)]);
    const authorization = await authorize(context, 'system:read', 'system:write');
    const headers = { authorization };
    const purge = (payload: object) => app.inject({ method: 'POST', url: '/api/v1/system/caches/purge', headers, payload });
    try {
      await both('web');
      const figures = await app.inject({ url: '/api/v1/system/caches', headers });
      assert.equal(figures.statusCode, 200, figures.body);
      assert.deepEqual(
        figures.json().items.map(({ name }: { name: string }) => name),
        ['content', 'user_sessions', 'api_responses', 'database_queries'],
      );
      assert.deepEqual((await purge({ cache: 'content', tag: 'tag-web' })).json(), { cache: 'content', purged: 'tag', tag: 'tag-web' });
      await isGone(b, 'web');
      for (const what of [{ key: 'k' }, { key: 'k', namespace: 'n' }, { namespace: 'n' }, { all: true }]) {
        assert.equal((await purge({ cache: 'content', ...what })).statusCode, 200, JSON.stringify(what));
      }
      assert.equal((await purge({ cache: 'content' })).statusCode, 422);
      assert.equal((await purge({ cache: 'content', key: 'k', all: true })).statusCode, 422);
      const unknown = await purge({ cache: 'contents', all: true });
      assert.equal(unknown.statusCode, 404);
      assert.match(unknown.json().detail, /content, user_sessions/);
      const reader = { authorization: await authorize(context, 'system:read') };
      assert.equal(
        (
          await app.inject({
            method: 'POST',
            url: '/api/v1/system/caches/purge',
            headers: reader,
            payload: { cache: 'content', all: true },
          })
        ).statusCode,
        403,
      );
    } finally {
      await app.close();
    }
  });
});
