import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { sessionToken, sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { installConsistency } from './consistency.ts';

describe('consistency over HTTP', () => {
  let context: TestContext;
  let app: FastifyInstance;
  let address: string;

  before(async () => {
    context = await createTestContext();
    await context.database.execute('notes.create', sql`create table notes (text text)`);
    app = Fastify();
    installConsistency(app);
    app.post<{ Body: { text: string } }>('/notes', async (request) => {
      await context.database.execute('notes.add', sql`insert into notes values (${request.body.text})`);
      return { token: sessionToken() };
    });
    app.post('/transactions', async () => {
      await context.database.transaction((tx) => tx.execute('notes.add', sql`insert into notes values ('tx')`));
      return { token: sessionToken() };
    });
    app.get('/notes', async () => ({
      token: sessionToken(),
      rows: await context.database.reads.query('notes.list', sql<object>`select * from notes`),
    }));
    address = await app.listen({ port: 0, host: '127.0.0.1' });
  });
  after(async () => {
    await app.close();
    await context.close();
  });

  // A socket of its own, so that the body arrives in pieces of its own.
  const post = (path: string, body: object) =>
    fetch(`${address}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const tokenIn = async (response: Response) => ((await response.json()) as { token?: string }).token;

  for (const path of ['/notes', '/transactions']) {
    test(`POST ${path}: the handler of a parsed body is in the session, and the answer carries its token`, async () => {
      const response = await post(path, { text: 'x'.repeat(50_000) });
      const header = response.headers.get('x-consistency-token');
      assert.ok(header !== null && header !== '');
      assert.equal(await tokenIn(response), header);
    });
  }

  test('a read passes the token on to where it reads, and gives none of its own', async () => {
    const token = (await post('/notes', { text: 'y' })).headers.get('x-consistency-token') ?? '';
    const response = await fetch(`${address}/notes`, { headers: { 'x-consistency-token': token } });
    assert.equal(response.headers.get('x-consistency-token'), null);
    assert.equal(await tokenIn(response), token);
  });

  test('a malformed token is as good as none', async () => {
    const response = await fetch(`${address}/notes`, { headers: { 'x-consistency-token': "' or 1=1 --" } });
    assert.equal(response.status, 200);
    assert.equal(await tokenIn(response), undefined);
  });

  test('requests side by side keep their sessions apart', async () => {
    const responses = await Promise.all(Array.from({ length: 20 }, (_, index) => post('/notes', { text: String(index) })));
    for (const response of responses) assert.equal(await tokenIn(response), response.headers.get('x-consistency-token'));
    const fresh = await fetch(`${address}/notes`);
    assert.equal(await tokenIn(fresh), undefined);
  });
});
