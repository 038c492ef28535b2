import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from '#platform/database';
import { type ApiDesk, createApiDesk } from '../testing/api-desk.ts';
import { addArticles, addReaders } from '../testing/newsroom.ts';

let desk: ApiDesk;

before(async () => {
  desk = await createApiDesk();
});
after(() => desk.close());
beforeEach(async () => {
  // A Monday.
  desk.t.clock.set('2027-03-01T00:00:00Z');
  await desk.t.database.execute(
    'test.clear',
    sql`truncate subscribers, recurring_digests, generated_content, deliveries, newsletter_issues, mailbox_messages, pgboss.job cascade`,
  );
  await addReaders(desk.t, 2);
});

async function plan(changes: object = {}): Promise<string> {
  const { json, status } = await desk.call('POST', '/recurring-digests', {
    name: 'Weekly',
    cron: '0 9 * * 1',
    timezone: 'Europe/Sofia',
    ...changes,
  });
  assert.equal(status, 201, JSON.stringify(json));
  return json.id;
}
const read = async (id: string) => (await desk.call('GET', `/recurring-digests/${id}`)).json;
const subjects = async () => (await desk.mails()).map(({ subject }) => subject);

test('a digest leaves at its time with what is new, once over all processes, and not again with the same', async () => {
  const id = await plan({ subject: '{{ count }} new on {{ date }}: {{ first }}' });
  assert.equal((await read(id)).nextRunAt, '2027-03-01T07:00:00.000Z');
  desk.t.clock.set('2027-03-01T06:00:00Z');
  await addArticles(desk.t, 2);
  await desk.run('run-recurring-digests');
  assert.deepEqual(await desk.mails(), []);
  desk.t.clock.set('2027-03-01T07:00:00Z');
  await Promise.all([1, 2, 3].map(() => desk.newsroom.runNow('run-recurring-digests')));
  await desk.run('run-recurring-digests');
  const sent = await read(id);
  assert.deepEqual([sent.lastOutcome, sent.nextRunAt], ['sent', '2027-03-08T07:00:00.000Z']);
  assert.equal((await desk.mails()).length, 2);
  assert.match((await subjects())[0] ?? '', /^2 new on 1 March 2027: Article \d$/);
  desk.t.clock.set('2027-03-08T07:00:00Z');
  await desk.run('run-recurring-digests');
  const skipped = await read(id);
  assert.deepEqual(
    [skipped.lastOutcome, skipped.lastReason, skipped.nextRunAt],
    ['nothing_new', '0 of 1 articles', '2027-03-15T07:00:00.000Z'],
  );
  assert.equal((await desk.mails()).length, 2);
});

test('after a time in which nothing ran there is one digest, not many', async () => {
  const id = await plan({ cron: '0 9 * * *' });
  await addArticles(desk.t, 1);
  desk.t.clock.set('2027-03-20T12:00:00Z');
  await addArticles2();
  await desk.run('run-recurring-digests', 'run-recurring-digests');
  assert.equal((await desk.mails()).length, 2);
  assert.equal((await read(id)).nextRunAt, '2027-03-21T07:00:00.000Z');
});

/** One more, whose name is not taken. */
async function addArticles2(): Promise<void> {
  await desk.t.database.execute('test.rename', sql`update generated_content set slug = 'older-' || slug`);
  desk.t.clock.advance(-1000);
  await addArticles(desk.t, 1);
  desk.t.clock.advance(1000);
}

test('too few articles wait for the next time; by hand it goes at once', async () => {
  const id = await plan({ minArticles: 2 });
  desk.t.clock.set('2027-03-01T06:00:00Z');
  await addArticles(desk.t, 1);
  const byHand = await desk.call('POST', `/recurring-digests/${id}/run`);
  assert.deepEqual([byHand.status, byHand.json.lastOutcome, byHand.json.lastReason], [200, 'nothing_new', '1 of 2 articles']);
  await desk.call('PATCH', `/recurring-digests/${id}`, { minArticles: 1 });
  assert.equal((await desk.call('POST', `/recurring-digests/${id}/run`)).json.lastOutcome, 'sent');
  await desk.run();
  assert.equal((await desk.mails()).length, 2);
  assert.ok((await desk.actionsOf(`recurring-digest:${id}`)).includes('key:editor recurring-digest.run'));
});

test('paused it does not run, and resumed it runs at its next time', async () => {
  const id = await plan();
  assert.equal((await desk.call('PATCH', `/recurring-digests/${id}`, { status: 'paused' })).json.nextRunAt, null);
  desk.t.clock.set('2027-03-02T00:00:00Z');
  await addArticles(desk.t, 1);
  await desk.run('run-recurring-digests');
  assert.deepEqual(await desk.mails(), []);
  const resumed = await desk.call('PATCH', `/recurring-digests/${id}`, { version: 2, status: 'active' });
  assert.equal(resumed.json.nextRunAt, '2027-03-08T07:00:00.000Z');
  assert.equal((await desk.call('PATCH', `/recurring-digests/${id}`, { version: 2, minArticles: 2 })).json.code, 'digest_changed');
  assert.equal((await desk.call('DELETE', `/recurring-digests/${id}`)).status, 204);
});

const refused: readonly (readonly [what: string, body: object, path: string])[] = [
  ['six fields', { cron: '0 0 9 * * 1' }, '/cron'],
  ['a cron that is none', { cron: 'every monday' }, '/cron'],
  ['a day that never comes', { cron: '0 9 30 2 *' }, '/cron'],
  ['every minute', { cron: '* * * * *' }, '/cron'],
  ['an unknown time zone', { timezone: 'Mars/Base' }, '/timezone'],
  ['an unknown template', { template: 'nothing' }, '/template'],
  ['an unknown variable in the subject', { subject: '{{ nobody }}' }, '/subject'],
  ['an unknown segment', { segmentId: '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000' }, '/segmentId'],
  ['too few articles', { minArticles: 0 }, '/minArticles'],
];
for (const [what, body, path] of refused) {
  test(`${what} is refused, and the field is named`, async () => {
    const answer = await desk.call('POST', '/recurring-digests', { name: 'x', cron: '0 9 * * 1', ...body });
    assert.ok(answer.status === 400 || answer.status === 422);
    assert.ok(desk.pathsOf(answer).includes(path), JSON.stringify(answer.json));
  });
}
