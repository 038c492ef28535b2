import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from '#platform/database';
import { type ApiDesk, createApiDesk } from '../testing/api-desk.ts';
import { addReaders } from '../testing/newsroom.ts';
import { engagementKinds } from '../tracking/email-event.ts';

let desk: ApiDesk;
const dayMs = 86_400_000;

before(async () => {
  desk = await createApiDesk();
});
after(() => desk.close());
beforeEach(async () => {
  desk.t.clock.set('2027-03-01T00:00:00Z');
  await desk.t.database.execute(
    'test.clear',
    sql`truncate subscribers, consents, sequences, deliveries, newsletter_issues, mailbox_messages, email_engagements, subscriber_segments, pgboss.job cascade`,
  );
});

const welcome = {
  trigger: { type: 'confirmed' },
  steps: [
    { id: 'hello', type: 'send', subject: 'Welcome', body: 'Hello there.' },
    { id: 'rest', type: 'wait', days: 2 },
    { id: 'read', type: 'branch', if: { type: 'opened', step: 'hello' }, yes: 'more', no: 'nudge' },
    { id: 'more', type: 'send', subject: 'More', body: 'Since you read.', next: 'mark' },
    { id: 'nudge', type: 'send', subject: 'Did you see?', body: 'Once more.' },
    { id: 'mark', type: 'tag', add: ['welcomed'] },
  ],
};

async function activate(definition: object, name = `sequence-${desk.t.clock.newId()}`): Promise<string> {
  const { json, status } = await desk.call('POST', '/sequences', { name, definition });
  assert.equal(status, 201, JSON.stringify(json));
  const active = await desk.call('POST', `/sequences/${json.id}/activate`);
  assert.deepEqual([active.status, active.json.status], [200, 'active'], JSON.stringify(active.json));
  return json.id;
}

async function publish(type: string, subscriberId: string | undefined, more: object = {}): Promise<void> {
  const subscription = desk.newsroom.distributor.module.subscriptions.find(({ subscriber }) => subscriber === 'distributor.sequences');
  assert.ok(subscription !== undefined && subscriberId !== undefined && subscription.types.includes(type));
  const event = {
    id: desk.t.clock.newId(),
    type,
    aggregateId: subscriberId,
    payload: { subscriberId, ...more },
    position: 1,
    occurredAt: desk.t.clock.now(),
  };
  // Twice, as events may come.
  for (let n = 0; n < 2; n += 1) await desk.t.database.transaction((tx) => subscription.handle(event, tx));
}
const advance = () => desk.run('advance-sequences');
const subjectsOf = async () => (await desk.mails()).map(({ to, subject }) => `${to.split('@')[0]} ${subject}`).sort();

test('a welcome sequence: confirmed, written to, and led by what they read', async () => {
  const id = await activate(welcome);
  const [first, second, third] = await addReaders(desk.t, 3);
  for (const reader of [first, second, third]) await publish('subscriber.confirmed', reader);
  // As several processes would.
  await Promise.all([1, 2, 3].map(() => desk.newsroom.runNow('advance-sequences')));
  await advance();
  assert.deepEqual(await subjectsOf(), ['reader1 Welcome', 'reader2 Welcome', 'reader3 Welcome']);

  const { issue } = await desk.t.database.one(
    'test.issue',
    sql<{ issue: string }>`select id as issue from newsletter_issues where subject = 'Welcome'`,
  );
  await desk.t.database.execute(
    'test.open',
    sql`insert into email_engagements (issue_id, subscriber_id, what, events, human, variant, first_at, last_at)
        values (${issue}::uuid, ${first ?? null}::uuid, ${engagementKinds.open}, 1, 1, 0, now(), now())`,
  );
  await desk.t.database.execute('test.leave', sql`update subscribers set status = 'unsubscribed' where id = ${third ?? null}::uuid`);
  desk.t.clock.advance(2 * dayMs - 1);
  await advance();
  assert.equal((await desk.mails()).length, 3);
  desk.t.clock.advance(1);
  await advance();
  await advance();
  assert.deepEqual((await subjectsOf()).slice(0), [
    'reader1 More',
    'reader1 Welcome',
    'reader2 Did you see?',
    'reader2 Welcome',
    'reader3 Welcome',
  ]);

  const figures = (await desk.call('GET', `/sequences/${id}/figures`)).json;
  assert.deepEqual([figures.active, figures.completed, figures.exited], [0, 2, 1]);
  const hello = figures.steps.find((step: { id: string }) => step.id === 'hello');
  assert.deepEqual([hello.outcomes, hello.mails.sent, hello.mails.opened], [{ sent: 3 }, 3, 1]);
  const left = await desk.call('GET', `/sequences/${id}/enrolments?status=exited`);
  assert.deepEqual([left.json.items[0].subscriberId, left.json.items[0].reason], [third, 'unsubscribed']);
  const tags = await desk.t.database.one(
    'test.tags',
    sql<{ tags: string[] }>`select tags from subscribers where id = ${first ?? null}::uuid`,
  );
  assert.deepEqual(tags.tags, ['welcomed']);
});

test('nobody begins twice, unless the sequence lets them, and then with new mails', async () => {
  const once = await activate({ ...welcome, trigger: { type: 'manual' }, steps: welcome.steps.slice(0, 1) });
  const again = await activate({
    trigger: { type: 'manual' },
    reentry: { afterDays: 7 },
    steps: [{ id: 'a', type: 'send', subject: 'Again', body: 'x' }],
  });
  const [reader] = await addReaders(desk.t, 1);
  const enrol = (id: string) => desk.call('POST', `/sequences/${id}/enrolments`, { subscriberIds: [reader] });
  assert.deepEqual((await enrol(once)).json, { enrolled: [reader], skipped: [] });
  assert.equal((await enrol(again)).json.enrolled.length, 1);
  await advance();
  desk.t.clock.advance(6 * dayMs);
  assert.equal((await enrol(again)).json.enrolled.length, 0);
  desk.t.clock.advance(dayMs);
  assert.equal((await enrol(again)).json.enrolled.length, 1);
  assert.equal((await enrol(once)).json.skipped.length, 1);
  await advance();
  assert.deepEqual(await subjectsOf(), ['reader1 Again', 'reader1 Again', 'reader1 Welcome']);
});

test('who is in it keeps the version; who comes later gets the new one', async () => {
  const definition = (subject: string) => ({
    trigger: { type: 'confirmed' },
    steps: [
      { id: 'wait', type: 'wait', hours: 1 },
      { id: 'mail', type: 'send', subject, body: 'x' },
    ],
  });
  const id = await activate(definition('Old'));
  const [first, second] = await addReaders(desk.t, 2);
  await publish('subscriber.confirmed', first);
  await advance();
  const changed = await desk.call('PATCH', `/sequences/${id}`, { version: 1, definition: definition('New') });
  assert.deepEqual([changed.json.version, changed.json.activeVersion], [2, 1]);
  assert.equal((await desk.call('PATCH', `/sequences/${id}`, { version: 1, name: 'x' })).json.code, 'sequence_changed');
  await desk.call('POST', `/sequences/${id}/activate`);
  await publish('subscriber.confirmed', second);
  desk.t.clock.advance(3600_000);
  await advance();
  desk.t.clock.advance(3600_000);
  await advance();
  assert.deepEqual(await subjectsOf(), ['reader1 Old', 'reader2 New']);
});

test('a tag that is added enrols, another does not', async () => {
  await activate({ trigger: { type: 'tag', tag: 'shrimp' }, steps: [{ id: 'a', type: 'send', subject: 'Shrimp', body: 'x' }] });
  const [first, second] = await addReaders(desk.t, 2);
  await publish('subscriber.changed', first, { tagsAdded: ['shrimp'] });
  await publish('subscriber.changed', second, { tagsAdded: ['moss'] });
  await advance();
  assert.deepEqual(await subjectsOf(), ['reader1 Shrimp']);
});

test('who joins a segment is enrolled; who was in it before is not', async () => {
  const segmentId = desk.t.clock.newId();
  await desk.t.database.execute(
    'test.segment',
    sql`insert into subscriber_segments (id, name, rules, created_at, updated_at) values (${segmentId}, 'bg', '{}', now(), now())`,
  );
  const [before, joins] = await addReaders(desk.t, 3);
  const speak = (reader: string | undefined, language: string) =>
    desk.t.database.execute('test.speak', sql`update subscribers set language = ${language} where id = ${reader ?? null}::uuid`);
  await speak(before, 'bg');
  await activate({ trigger: { type: 'segment', segmentId }, steps: [{ id: 'a', type: 'send', subject: 'Bulgarian', body: 'x' }] });
  await speak(joins, 'bg');
  await desk.run('enrol-from-segments', 'advance-sequences', 'enrol-from-segments', 'advance-sequences');
  assert.deepEqual(await subjectsOf(), ['reader2 Bulgarian']);
});

test('paused nobody moves on, archived everybody leaves', async () => {
  const id = await activate(welcome);
  const [reader] = await addReaders(desk.t, 1);
  await publish('subscriber.confirmed', reader);
  await desk.call('POST', `/sequences/${id}/pause`);
  await advance();
  assert.deepEqual(await desk.mails(), []);
  assert.equal((await desk.call('POST', `/sequences/${id}/enrolments`, { subscriberIds: [reader] })).json.code, 'sequence_paused');
  await desk.call('POST', `/sequences/${id}/activate`);
  await advance();
  assert.equal((await desk.mails()).length, 1);
  assert.equal((await desk.call('POST', `/sequences/${id}/archive`)).json.status, 'archived');
  const { json } = await desk.call('GET', `/sequences/${id}/enrolments`);
  assert.deepEqual([json.items[0].status, json.items[0].reason], ['exited', 'archived']);
  assert.equal((await desk.call('DELETE', `/sequences/${id}`)).json.code, 'sequence_used');
  assert.deepEqual(await desk.actionsOf(`sequence:${id}`), [
    'key:editor sequence.created',
    'key:editor sequence.activated',
    'key:editor sequence.paused',
    'key:editor sequence.activated',
    'key:editor sequence.archived',
  ]);
});

test('a definition with faults is refused with every one of them; so is one whose mail cannot be made', async () => {
  const unknown = '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000';
  const shape = await desk.call('POST', '/sequences', {
    name: 'x',
    definition: { trigger: { type: 'tag' }, steps: [{ id: 'a', type: 'send' }] },
  });
  assert.deepEqual([shape.status, desk.pathsOf(shape)], [422, ['/definition/trigger/tag', '/definition/steps/0/subject']]);
  const references = await desk.call('POST', '/sequences', {
    name: 'x',
    definition: {
      trigger: { type: 'segment', segmentId: unknown },
      steps: [{ id: 'a', type: 'send', subject: 'x', body: 'y', template: 'nothing', next: 'z' }],
    },
  });
  assert.deepEqual(desk.pathsOf(references).toSorted(), [
    '/definition/steps/0/next',
    '/definition/steps/0/template',
    '/definition/trigger/segmentId',
  ]);
  const { json } = await desk.call('POST', '/sequences', {
    name: 'faulty',
    definition: { trigger: { type: 'manual' }, steps: [{ id: 'a', type: 'send', subject: 'x', body: '{{ nobody }}' }] },
  });
  const { status, json: problem } = await desk.call('POST', `/sequences/${json.id}/activate`);
  assert.deepEqual([status, problem.code], [422, 'template_faulty'], JSON.stringify(problem));
  assert.equal((await desk.call('GET', `/sequences/${json.id}`)).json.status, 'draft');
  assert.equal((await desk.call('DELETE', `/sequences/${json.id}`)).status, 204);
});
