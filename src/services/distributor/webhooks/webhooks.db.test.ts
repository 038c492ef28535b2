import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { sql } from '#platform/database';
import { createHttpClient, type HttpClient } from '#platform/http-client';
import type { HttpServer } from '#platform/http-server';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { authorize, createTestServer } from '../../../../tests/support/test-server.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createWebhookDelivery } from './deliver-webhook.ts';
import { createWebhooks, type Webhooks } from './webhooks.ts';

type Received = { readonly headers: IncomingHttpHeaders; readonly body: string };

const secret = 'a secret of the tests';
let t: TestContext;
let httpClient: HttpClient;
let server: HttpServer;
let webhooks: Webhooks;
let deliver: ReturnType<typeof createWebhookDelivery>;
let authorization: string;
let receiver: Server;
let url: string;
let answers: number[] = [];
let received: Received[] = [];

before(async () => {
  t = await createTestContext();
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      response.writeHead(answers.shift() ?? 204, { location: '/elsewhere' }).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const address = receiver.address();
  const host = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  url = `http://${host}/hook`;
  httpClient = createHttpClient({ ...t, allowedPrivateHosts: [host], userAgent: 'test' });
  webhooks = createWebhooks({ ...t, httpClient, secret });
  deliver = createWebhookDelivery({ ...t, httpClient, secret });
  await t.jobs.prepare(webhooks.jobs.map(({ definition }) => definition));
  server = await createTestServer(t, [webhooks.routes]);
  authorization = await authorize(t, 'system:read', 'system:write');
});

beforeEach(async () => {
  answers = [];
  received = [];
  await t.database.execute('test.clean', sql`delete from webhook_messages`);
  await t.database.execute('test.clean', sql`delete from webhook_endpoints`);
});

after(async () => {
  await server.close();
  await httpClient.close();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  await t.close();
});

async function call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, payload?: object) {
  const answer = await server.inject({
    method,
    url: `/api/v1/webhook-endpoints${path}`,
    headers: { authorization },
    ...(payload && { payload }),
  });
  return { status: answer.statusCode, body: answer.body === '' ? {} : answer.json() };
}

const addEndpoint = async (more: object = {}) => (await call('POST', '', { url, ...more })).body as { id: string; secret: string };

async function announce(type = 'article.published'): Promise<string> {
  const event = { id: t.clock.newId(), type, aggregateId: 'a', payload: { contentId: 'a' }, position: 1, occurredAt: t.clock.now() };
  await t.database.transaction((tx) => webhooks.subscription.handle(event, tx));
  return event.id;
}

const deliveriesOf = async (id: string) => (await call('GET', `/${id}/deliveries`)).body.items;

test('the same event twice is one message, and only endpoints that asked for its type get it', async () => {
  const wanted = await addEndpoint({ eventTypes: ['issue.finished'] });
  const other = await addEndpoint({ eventTypes: ['article.published'] });
  const event = { id: t.clock.newId(), type: 'issue.finished', aggregateId: 'i', payload: {}, position: 1, occurredAt: t.clock.now() };
  for (let round = 0; round < 2; round += 1) await t.database.transaction((tx) => webhooks.subscription.handle(event, tx));
  assert.equal((await deliveriesOf(wanted.id)).length, 1);
  assert.equal((await deliveriesOf(other.id)).length, 0);
});

test('a refusal is tried again later with the same id; 410 and redirects: the first disables, the second fails', async () => {
  const { id } = await addEndpoint();
  answers = [500, 302, 410];
  const messageId = await announce();
  const key = { endpointId: id, messageId };
  const makeDue = () => t.database.execute('test.due', sql`update webhook_deliveries set next_attempt_at = now() - interval '1 second'`);
  await makeDue();
  await deliver.deliver(key);
  const [afterFirst] = await deliveriesOf(id);
  assert.deepEqual([afterFirst.status, afterFirst.attempts, afterFirst.responseStatus], ['pending', 1, 500]);
  assert.ok(new Date(afterFirst.nextAttemptAt) > t.clock.now());
  await deliver.deliver(key);
  assert.equal(received.length, 1, 'nothing is sent before its time');
  await makeDue();
  await deliver.deliver(key);
  assert.equal(received.length, 2, 'a redirect is not followed');
  await makeDue();
  await deliver.deliver(key);
  assert.equal(new Set(received.map(({ headers }) => headers['webhook-id'])).size, 1);
  const endpoint = (await call('GET', `/${id}`)).body;
  assert.deepEqual([endpoint.status, endpoint.statusReason], ['disabled', 'the endpoint answered 410 Gone']);
  assert.equal((await deliveriesOf(id))[0].status, 'failed');
});

test('an endpoint that fails at everything for five days is disabled, and can be switched on and replayed', async () => {
  const { id } = await addEndpoint();
  answers = [503];
  const messageId = await announce();
  await t.database.execute('test.old', sql`update webhook_endpoints set failing_since = now() - interval '6 days'`);
  await t.database.execute('test.due', sql`update webhook_deliveries set next_attempt_at = now() - interval '1 second'`);
  await deliver.deliver({ endpointId: id, messageId });
  assert.equal((await call('GET', `/${id}`)).body.status, 'disabled');
  assert.equal((await call('POST', `/${id}/test`)).status, 409);
  assert.equal((await call('PATCH', `/${id}`, { status: 'active' })).body.failingSince, null);
  const replay = await call('POST', `/${id}/replay`, { from: '2020-01-01T00:00:00Z' });
  assert.deepEqual([replay.status, replay.body.queued], [202, 1]);
  await deliver.deliver({ endpointId: id, messageId });
  assert.equal((await deliveriesOf(id))[0].status, 'delivered');
  assert.equal(received.at(-1)?.headers['webhook-id'], messageId);
});

test('a new secret signs at once, the one before for a day more', async () => {
  const before = await addEndpoint();
  const rotated = (await call('POST', `/${before.id}/rotate-secret`)).body as { secret: string };
  assert.notEqual(rotated.secret, before.secret);
  const { messageId } = (await call('POST', `/${before.id}/test`)).body;
  await deliver.deliver({ endpointId: before.id, messageId });
  const [message] = received;
  assert.ok(message);
  for (const key of [before.secret, rotated.secret]) new Webhook(key).verify(message.body, message.headers as Record<string, string>);
  assert.equal((await call('GET', `/${before.id}`)).body.secret, undefined);
});

test('a private address is refused when it is tried, and the reason is kept', async () => {
  const { id } = await addEndpoint({ url: 'http://127.0.0.1:1/' });
  const messageId = await announce();
  await t.database.execute('test.due', sql`update webhook_deliveries set next_attempt_at = now() - interval '1 second'`);
  await deliver.deliver({ endpointId: id, messageId });
  const found = await waitFor('the refusal', async () =>
    (await deliveriesOf(id)).find(({ error }: { error: string | null }) => error !== null),
  );
  assert.match(found.error, /private|address/i);
});

test('what cannot be an endpoint is refused with the field', async () => {
  for (const wrong of ['ftp://example.org/', 'example.org', 'https://user:pass@example.org/']) {
    const answer = await call('POST', '', { url: wrong });
    assert.equal(answer.status, 422, wrong);
    assert.match(JSON.stringify(answer.body), /\/url/);
  }
  assert.equal((await call('POST', '', { url, eventTypes: ['nothing'] })).status, 400);
  const { id } = await addEndpoint();
  assert.equal((await call('POST', `/${id}/replay`, { from: '2030-01-01T00:00:00Z' })).status, 422);
});

test('an event reaches the endpoint by its job, signed as the specification has it', async () => {
  const endpoint = await addEndpoint();
  await t.jobs.work(webhooks.jobs);
  const messageId = await announce();
  await waitFor('the message', () => received[0]);
  await waitFor('the delivery to be kept', async () => (await deliveriesOf(endpoint.id))[0]?.status === 'delivered');
  const [message] = received;
  assert.ok(message);
  const headers = message.headers as Record<string, string>;
  const payload = new Webhook(endpoint.secret).verify(message.body, headers) as { type: string; data: object };
  assert.deepEqual([payload.type, payload.data], ['article.published', { contentId: 'a' }]);
  assert.equal(headers['webhook-id'], messageId);
  assert.throws(() => new Webhook(endpoint.secret).verify(`${message.body} `, headers));
});
