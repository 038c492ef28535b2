import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from '#platform/database';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import type { EventFixture } from './event-fixture.ts';
import { noteEvent } from './noted-events.ts';

const valuesOf = (notes: readonly { readonly value: number }[]): number[] => notes.map(({ value }) => value);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** What holds for every driver. Each test has types and subscribers of its own. */
export function testEventsContract(fixture: () => EventFixture): void {
  test('events of many publishers are handled once by two processes, and in order of each aggregate', async () => {
    const { open, publish, noting, waitForNotes } = fixture();
    const [one, two] = [open(), open()];
    const subscriptions = [noting('order-a', 'order.noted'), noting('order-b', 'order.noted')];
    await one.subscribe(subscriptions);
    await two.subscribe(subscriptions);
    const perAggregate = 25;
    const aggregates = upTo(12).map((number) => `order-${number}`);
    await Promise.all(
      aggregates.map(async (aggregate) => {
        for (const value of upTo(perAggregate)) await publish('order.noted', aggregate, value);
      }),
    );
    for (const { subscriber } of subscriptions) {
      const notes = await waitForNotes(subscriber, aggregates.length * perAggregate);
      for (const aggregate of aggregates) {
        assert.deepEqual(valuesOf(notes.filter(({ aggregateId }) => aggregateId === aggregate)), upTo(perAggregate), aggregate);
      }
    }
    await Promise.all([one.stop(), two.stop()]);
  });

  for (const when of ['handling', 'committed'] as const) {
    test(`a process that is killed ${when === 'handling' ? 'while handling' : 'right after the commit'} loses nothing and repeats nothing`, async () => {
      const { open, publish, noting, waitForNotes, runDyingProcess, t } = fixture();
      const type = `death.${when}`;
      for (const value of upTo(6)) await publish(type, 'one', value, value === 4 ? { deadly: true } : {});
      await runDyingProcess(type, type, when);
      const heir = open();
      await heir.subscribe([noting(type, type)]);
      await publish(type, 'one', 7);
      assert.deepEqual(valuesOf(await waitForNotes(type, 7)), upTo(7));
      await waitFor('an end', async () => (await heir.subscribers()).find(({ subscriber }) => subscriber === type)?.lag === 0);
      assert.equal((await t.database.query('test.all', sql<object>`select 1 from noted where subscriber = ${type}`)).length, 7);
      await heir.stop();
    });
  }

  test('a handler that fails once sees its event again, and what it wrote is written once', async () => {
    const { open, publish, waitForNotes } = fixture();
    const events = open();
    let attempts = 0;
    await events.subscribe([
      {
        subscriber: 'fails-once',
        types: ['fault.noted'],
        async handle(event, tx) {
          await noteEvent('fails-once', event, tx);
          attempts += 1;
          if (attempts === 1) throw new Error('the first time fails');
        },
      },
    ]);
    await publish('fault.noted', 'a', 1);
    await publish('fault.noted', 'a', 2);
    assert.deepEqual(valuesOf(await waitForNotes('fails-once', 2)), [1, 2]);
    await events.stop();
  });

  test('an event that always fails holds up its aggregate only, becomes a dead letter, and is redriven in order', async () => {
    const { open, publish, noting, waitForNotes, notes } = fixture();
    const events = open();
    let isPoisonous = true;
    await events.subscribe([
      noting('poison', 'poison.noted', (value) => {
        if (value === 2 && isPoisonous) throw new Error('it is\u0000 poison');
      }),
    ]);
    for (const value of upTo(4)) await publish('poison.noted', 'sick', value);
    for (const value of upTo(50)) await publish('poison.noted', `healthy-${value % 7}`, 100 + value);
    await waitForNotes('poison', 51);
    const [letter] = await waitFor('the dead letter', async () => {
      const found = await events.deadLetters({ subscriber: 'poison', limit: 10 });
      return found.length === 1 && found[0]?.waitingBehind === 2 && found;
    });
    assert.deepEqual([letter?.aggregateId, letter?.attempts, letter?.error], ['sick', 3, 'it is poison']);
    const sick = async () => valuesOf((await notes('poison')).filter(({ aggregateId }) => aggregateId === 'sick'));
    assert.deepEqual(await sick(), [1]);
    const state = (await events.subscribers()).find(({ subscriber }) => subscriber === 'poison');
    assert.deepEqual([state?.deadLetters, state?.waiting, state?.lag], [1, 2, 0]);

    isPoisonous = false;
    assert.equal(await events.redrive({ subscriber: 'poison' }), 1);
    await publish('poison.noted', 'sick', 5);
    await waitForNotes('poison', 55);
    assert.deepEqual(await sick(), upTo(5));
    await events.stop();
  });

  test('a discarded dead letter lets those behind it go on', async () => {
    const { open, publish, noting, waitForNotes } = fixture();
    const events = open();
    await events.subscribe([
      noting('discard', 'discard.noted', (value) => {
        if (value === 1) throw new Error('never');
      }),
    ]);
    for (const value of upTo(3)) await publish('discard.noted', 'a', value);
    const letter = await waitFor('the dead letter', async () => (await events.deadLetters({ subscriber: 'discard', limit: 1 }))[0]);
    assert.equal(await events.discard('discard', letter.id), true);
    assert.deepEqual(valuesOf(await waitForNotes('discard', 2)), [2, 3]);
    assert.equal(await events.discard('discard', letter.id), false);
    await events.stop();
  });

  test('a replay hands out what happened in a time once more, in order, while new events wait', async () => {
    const { open, publish, noting, waitForNotes, t } = fixture();
    const [one, two] = [open(), open()];
    let gate: PromiseWithResolvers<void> | undefined;
    const subscription = noting('replay', 'replay.noted', () => gate?.promise);
    await one.subscribe([subscription]);
    await two.subscribe([subscription]);
    const times: Date[] = [];
    for (const value of upTo(5)) {
      t.clock.set(new Date(Date.UTC(2026, 0, value)));
      times.push(t.clock.now());
      await publish('replay.noted', 'a', value);
    }
    await waitForNotes('replay', 5);
    gate = Promise.withResolvers<void>();
    const [, second, , fourth] = times;
    assert.ok(second && fourth);
    assert.equal(await one.replay('replay', { from: second, to: fourth }), 2);
    await assert.rejects(two.replay('replay', { from: second }), { code: 'replay_running' });
    await publish('replay.noted', 'a', 6);
    gate.resolve();
    assert.deepEqual(valuesOf(await waitForNotes('replay', 8)), [1, 2, 3, 4, 5, 2, 3, 6]);
    await assert.rejects(one.replay('nobody', { from: second }), { code: 'not_found' });
    await assert.rejects(one.replay('replay', { from: second, types: ['other.noted'] }), { code: 'invalid_request' });
    await Promise.all([one.stop(), two.stop()]);
  });

  test('an event of a transaction that commits late is not passed over', async () => {
    const { open, publish, noting, waitForNotes, notes, countOf, t } = fixture();
    const events = open();
    await events.subscribe([noting('late', 'late.noted')]);
    const gate = Promise.withResolvers<void>();
    const written = Promise.withResolvers<void>();
    const late = t.database.transaction(async (tx) => {
      await t.events.publish(tx, { type: 'late.noted', aggregateId: 'a', payload: { value: 1 } });
      written.resolve();
      await gate.promise;
    });
    await written.promise;
    for (const value of [2, 3]) await publish('late.noted', `b-${value}`, value);
    const before = countOf('events.held-back');
    await waitFor('some looks', () => countOf('events.held-back') > before + 1);
    assert.deepEqual(await notes('late'), []);
    gate.resolve();
    await late;
    assert.deepEqual(valuesOf(await waitForNotes('late', 3)).sort(), [1, 2, 3]);
    await events.stop();
  });

  test('a slow handler keeps its events; stopping waits for it, takes nothing new, and another goes on', async () => {
    const { open, publish, noting, waitForNotes, countOf } = fixture();
    const [slow, other] = [open(), open()];
    const started = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const taken: number[] = [];
    await slow.subscribe([
      noting('slow', 'slow.noted', (value) => {
        taken.push(value);
        started.resolve();
        return gate.promise;
      }),
    ]);
    await publish('slow.noted', 'a', 1);
    await started.promise;
    const early: number[] = [];
    await other.subscribe([noting('slow', 'slow.noted', (value) => early.push(value))]);
    await publish('slow.noted', 'a', 2);
    // The slow one is in its handler: whoever asks for the lock now is the other.
    const asked = countOf('events.lock-offset', 'events.lock-partition');
    await waitFor('the other to ask for the events', () => countOf('events.lock-offset', 'events.lock-partition') > asked + 1);
    const stopped = slow.stop();
    assert.deepEqual(early, []);
    gate.resolve();
    await stopped;
    assert.deepEqual(valuesOf(await waitForNotes('slow', 2)), [1, 2]);
    assert.deepEqual([taken, early], [[1], [2]]);
    await other.stop();
  });

  test('a subscriber that comes late is given what happened before, of its types only', async () => {
    const { open, publish, noting, waitForNotes } = fixture();
    const events = open();
    for (const value of upTo(30)) await publish(value % 3 === 0 ? 'past.noted' : 'past.other', `p-${value % 5}`, value);
    await events.subscribe([noting('past', 'past.noted')]);
    const notes = await waitForNotes('past', 10);
    assert.deepEqual(
      valuesOf(notes).sort((a, b) => a - b),
      upTo(10).map((value) => value * 3),
    );
    await events.stop();
  });
}
