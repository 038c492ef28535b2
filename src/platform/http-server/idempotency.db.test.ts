import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Type } from 'typebox';
import { sql } from '#platform/database';
import { AppError } from '#shared/errors';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { createTestServer } from '../../../tests/support/test-server.ts';
import { createApiKey, deleteExpiredAnswers, type HttpServer } from './index.ts';

const hourMs = 3_600_000;

let t: TestContext;
let app: HttpServer;
let key: string;
let runs = 0;
let answer: () => Promise<object>;

before(async () => {
  t = await createTestContext();
  t.clock.set('2026-05-01T12:00:00Z');
  ({ key } = await createApiKey(t.database, t.clock, { name: 'all', scopes: ['*'] }));
  app = await createTestServer(t, [
    (server) => {
      server.post(
        '/api/v1/notes',
        { config: { access: 'content:write' }, schema: { body: Type.Object({ name: Type.String() }) } },
        async () => {
          runs += 1;
          return answer();
        },
      );
      server.post('/open', { config: { access: 'public' } }, async () => ({}));
    },
  ]);
});
beforeEach(() => {
  runs = 0;
  answer = async () => ({ runs });
});
after(async () => {
  await app.close();
  await t.close();
});

const post = (idempotencyKey: string, name = 'a') =>
  app.inject({ method: 'POST', url: '/api/v1/notes', headers: { 'x-api-key': key, 'idempotency-key': idempotencyKey }, payload: { name } });

async function countKept(): Promise<number> {
  return (await t.database.one<{ count: number }>('test.count', sql`select count(*)::int as count from idempotency_keys`)).count;
}

test('of two equal requests at the same moment one runs; the other is told to come back, and then gets the same answer', async () => {
  const { promise: finish, resolve: end } = Promise.withResolvers<void>();
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  answer = async () => {
    start();
    await finish;
    return { runs };
  };
  const first = post('same-moment');
  await started;
  const second = await post('same-moment');
  assert.equal(second.statusCode, 409);
  assert.equal(second.json().code, 'request_in_progress');
  assert.equal(second.headers['retry-after'], '1');
  end();
  assert.equal((await first).statusCode, 200);
  const third = await post('same-moment');
  assert.equal(third.headers['idempotency-replayed'], 'true');
  assert.equal(third.body, (await first).body);
  assert.equal(runs, 1);
});

test('after 24 hours a key is new, whatever it was used for before', async () => {
  await post('yesterday');
  t.clock.advance(24 * hourMs - 1);
  assert.equal((await post('yesterday')).headers['idempotency-replayed'], 'true');
  assert.equal((await post('yesterday', 'b')).json().code, 'idempotency_key_reused');
  t.clock.advance(2);
  const later = await post('yesterday', 'b');
  assert.equal(later.headers['idempotency-replayed'], undefined);
  assert.deepEqual(later.json(), { runs: 2 });
  assert.equal((await post('yesterday', 'b')).headers['idempotency-replayed'], 'true');
});

test('answers of former days are deleted, batch by batch, and those of today stay', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) await post(`old-${name}`);
  t.clock.advance(24 * hourMs + 1);
  await post('new');
  const kept = await countKept();
  assert.equal(await deleteExpiredAnswers(t.database, t.clock, 2), kept - 1);
  assert.equal(await countKept(), 1);
  assert.equal((await post('new')).headers['idempotency-replayed'], 'true');
  assert.equal(await deleteExpiredAnswers(t.database, t.clock, 2), 0);
});

test('a request whose process died may run again after a minute', async () => {
  await post('died');
  await t.database.execute('test.die', sql`update idempotency_keys set status_code = null, body = null where key = 'died'`);
  t.clock.advance(59_000);
  assert.equal((await post('died')).statusCode, 409);
  t.clock.advance(2000);
  assert.equal((await post('died')).statusCode, 200);
  assert.equal(runs, 2);
});

test('what may succeed later is not kept: faults of ours and limits of rate', async () => {
  for (const status of [429, 500, 503]) {
    answer = async () => {
      throw new AppError('later', 'Later.', { status });
    };
    assert.equal((await post(`later-${status}`)).statusCode, status);
    answer = async () => ({ runs });
    assert.equal((await post(`later-${status}`)).statusCode, 200);
  }
});

test('nothing is kept for strangers', async () => {
  const before = await countKept();
  for (const url of ['/open', '/api/v1/notes', '/nothing'])
    await app.inject({ method: 'POST', url, headers: { 'idempotency-key': 'stranger' } });
  assert.equal(await countKept(), before);
});

test('keys are each caller’s own', async () => {
  const other = await createApiKey(t.database, t.clock, { name: 'other', scopes: ['*'] });
  await post('mine');
  const theirs = await app.inject({
    method: 'POST',
    url: '/api/v1/notes',
    headers: { 'x-api-key': other.key, 'idempotency-key': 'mine' },
    payload: { name: 'a' },
  });
  assert.equal(theirs.headers['idempotency-replayed'], undefined);
  assert.equal(runs, 2);
});
