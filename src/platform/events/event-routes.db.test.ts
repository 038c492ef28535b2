import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { HttpServer } from '#platform/http-server';
import { createMetrics } from '#platform/telemetry';
import { authorize, createTestServer } from '../../../tests/support/test-server.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createEventRoutes } from './event-routes.ts';
import type { Events } from './event-types.ts';
import { createEvents } from './events.ts';
import { createEventFixture, type EventFixture } from './testing/event-fixture.ts';

let fixture: EventFixture;
let events: Events;
let app: HttpServer;
let reader: string;
let writer: string;
let isPoisonous = true;

before(async () => {
  fixture = await createEventFixture();
  events = fixture.open();
  app = await createTestServer(fixture.t, [createEventRoutes(events)]);
  reader = await authorize(fixture.t, 'system:read');
  writer = await authorize(fixture.t, 'system:write');
  await events.subscribe([
    fixture.noting('routes', 'routes.noted', (value) => {
      if (value === 1 && isPoisonous) throw new Error('not yet');
    }),
  ]);
});
after(async () => {
  await app.close();
  await fixture.close();
});

const get = (url: string) => app.inject({ url, headers: { authorization: reader } });
const post = (url: string, payload: object, authorization = writer) =>
  app.inject({ method: 'POST', url, payload, headers: { authorization } });

test('subscribers, dead letters and replays over HTTP', async () => {
  const from = fixture.t.clock.now().toISOString();
  await fixture.publish('routes.noted', 'a', 1);
  await fixture.publish('routes.noted', 'a', 2);
  await fixture.publish('routes.noted', 'b', 3);
  await waitFor('the dead letter', async () => (await get('/api/v1/system/events')).json().deadLetters === 1);
  await fixture.waitForNotes('routes', 1);
  const state = (await get('/api/v1/system/events')).json();
  assert.equal(state.driver, 'postgres');
  const [subscriber] = state.items;
  assert.deepEqual(
    [subscriber.subscriber, subscriber.types, subscriber.lag, subscriber.lagSeconds, subscriber.waiting],
    ['routes', ['routes.noted'], 0, 0, 1],
  );
  const [letter] = (await get('/api/v1/system/events/dead-letters?subscriber=routes')).json().items;
  assert.deepEqual([letter.aggregateId, letter.payload, letter.error, letter.waitingBehind], ['a', { value: 1 }, 'not yet', 1]);
  assert.deepEqual((await get('/api/v1/system/events/dead-letters?subscriber=other')).json().items, []);

  assert.equal((await post('/api/v1/system/events/dead-letters/redrive', {}, reader)).statusCode, 403);
  isPoisonous = false;
  assert.deepEqual((await post('/api/v1/system/events/dead-letters/redrive', { subscriber: 'routes' })).json(), { redriven: 1 });
  await fixture.waitForNotes('routes', 3);
  const unknown = { subscriber: 'routes', id: letter.id };
  assert.equal((await post('/api/v1/system/events/dead-letters/discard', unknown)).statusCode, 404);

  assert.deepEqual((await post('/api/v1/system/events/replay', { subscriber: 'routes', from })).json(), { events: 3 });
  await fixture.waitForNotes('routes', 6);
  assert.equal((await post('/api/v1/system/events/replay', { subscriber: 'nobody', from })).statusCode, 404);
  for (const body of [{ subscriber: 'routes', from, to: from }, { subscriber: 'routes', from: 'yesterday' }, { subscriber: 'routes' }]) {
    const answer = await post('/api/v1/system/events/replay', body);
    assert.ok([400, 422].includes(answer.statusCode), `${answer.statusCode} for ${JSON.stringify(body)}`);
  }
});

test('the lag and the dead letters of the subscribers of this process are among its figures', async () => {
  const metrics = createMetrics('test');
  const other = createEvents({ ...fixture.t, metrics });
  await other.subscribe([fixture.noting('figures', 'figures.noted')]);
  await fixture.publish('figures.noted', 'a', 1);
  await fixture.waitForNotes('figures', 1);
  await other.stop();
  await fixture.publish('figures.noted', 'a', 2);
  const text = await metrics.text();
  assert.match(text, /aquascene_events_lag\{subscriber="figures",role="test"\} 1\n/);
  assert.match(text, /aquascene_events_dead_letters\{subscriber="figures",role="test"\} 0\n/);
  assert.match(text, /aquascene_events_total\{subscriber="figures",type="figures.noted",role="test"\} 1\n/);
  assert.doesNotMatch(text, /subscriber="routes"/);
});
