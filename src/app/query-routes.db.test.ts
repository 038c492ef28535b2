import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from '#platform/database';
import type { HttpServer } from '#platform/http-server';
import { createTestContext, type TestContext } from '../../tests/support/test-context.ts';
import { authorize, createTestServer } from '../../tests/support/test-server.ts';
import { createQueryRoutes } from './query-routes.ts';

describe('the routes of the query monitor', () => {
  let context: TestContext;
  let server: HttpServer;
  let reader: string;

  before(async () => {
    context = await createTestContext();
    server = await createTestServer(context, [createQueryRoutes(context.database.monitor)]);
    reader = await authorize(context, 'system:read');
    for (let run = 0; run < 3; run += 1) await context.database.query('planted.list', sql<object>`select ${run}::int`);
    await assert.rejects(context.database.query('planted.fail', sql<object>`select ${'hunter2'}::int`));
  });
  after(async () => {
    await server.close();
    await context.close();
  });

  const get = (query: string, authorization = reader) =>
    server.inject({ url: `/api/v1/system/queries${query}`, headers: { authorization } });
  const namesOf = (body: string) => JSON.parse(body).items.map(({ name }: { name: string }) => name);

  test('give all figures of the statements whose name has a part, sorted', async () => {
    const answer = await get('?name=planted.&sort=count');
    assert.equal(answer.statusCode, 200);
    assert.deepEqual(namesOf(answer.body), ['planted.list', 'planted.fail']);
    const [list, fail] = answer.json().items;
    assert.deepEqual([list.count, list.errors, list.rows, list.lastErrors, list.lastPlan], [3, 0, 3, [], null]);
    for (const field of ['totalMs', 'minMs', 'meanMs', 'p50Ms', 'p95Ms', 'p99Ms', 'maxMs']) assert.ok(list[field] > 0, field);
    assert.deepEqual([fail.errors, fail.lastErrors.length, fail.lastErrors[0].code], [1, 1, '22P02']);
    assert.ok(!Number.isNaN(Date.parse(fail.lastErrors[0].at)));
    assert.doesNotMatch(answer.body, /hunter2/);
    assert.deepEqual(namesOf((await get('?name=planted.&sort=errors&limit=1')).body), ['planted.fail']);
  });

  test('refuse what they do not know', async () => {
    assert.equal((await get('?sort=colour')).statusCode, 400);
    assert.equal((await get('?limit=0')).statusCode, 400);
    assert.equal((await get('?colour=red')).statusCode, 400);
  });

  test('forget on request of who may write only', async () => {
    const post = (authorization: string) =>
      server.inject({ method: 'POST', url: '/api/v1/system/queries/reset', headers: { authorization } });
    assert.equal((await post(reader)).statusCode, 403);
    const answer = await post(await authorize(context, 'system:write'));
    assert.equal(answer.statusCode, 200);
    assert.ok(answer.json().forgotten >= 2);
    assert.deepEqual(namesOf((await get('?name=planted.')).body), []);
  });
});
