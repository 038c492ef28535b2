import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sql } from '#platform/database';
import { type ApiDesk, createApiDesk } from '../../testing/api-desk.ts';
import { addArticles, addReaders } from '../../testing/newsroom.ts';

let desk: ApiDesk;
let articles: string[];

before(async () => {
  desk = await createApiDesk();
  articles = await addArticles(desk.t, 1);
});
after(() => desk.close());
beforeEach(async () => {
  desk.t.clock.set('2027-03-01T00:00:00Z');
  await desk.t.database.execute(
    'test.clear',
    sql`truncate subscribers, deliveries, newsletter_issues, mailbox_messages, pgboss.job cascade`,
  );
});

async function scheduled(schedule: object): Promise<string> {
  const { json } = await desk.call('POST', '/campaigns', { subject: 'News', articleIds: articles });
  const answer = await desk.call('POST', `/campaigns/${json.id}/schedule`, schedule);
  assert.deepEqual([answer.status, answer.json.status], [200, 'scheduled'], JSON.stringify(answer.json));
  return json.id;
}

const statusOf = async (id: string) => (await desk.call('GET', `/campaigns/${id}`)).json.status;

async function dueTimes(id: string): Promise<Record<string, string>> {
  const rows = await desk.t.database.query(
    'test.due',
    sql<{
      name: string;
      due: Date;
    }>`select coalesce(s.timezone, 'none') || coalesce('/' || s.send_hour, '') as name, d.next_attempt_at as due
        from deliveries d join subscribers s on s.id = d.subscriber_id where d.issue_id = ${id}::uuid order by 1`,
  );
  return Object.fromEntries(rows.map(({ name, due }) => [name, due.toISOString()]));
}

async function addReaderIn(timezone: string | null, sendHour: number | null = null): Promise<void> {
  const [id] = await addReaders(desk.t, 1, `reader-${desk.t.clock.newId()}-`);
  await desk.t.database.execute(
    'test.zone',
    sql`update subscribers set timezone = ${timezone}, send_hour = ${sendHour} where id = ${id ?? null}::uuid`,
  );
}

async function prepare(id: string): Promise<void> {
  await desk.newsroom.runNow('start-scheduled-issues');
  await desk.newsroom.prepare(id);
}

test('a campaign leaves at its time and not before, once', async () => {
  await addReaders(desk.t, 3);
  const id = await scheduled({ at: '2027-03-02T09:00', timezone: 'Europe/Sofia' });
  desk.t.clock.set('2027-03-02T06:59:59Z');
  await desk.run('start-scheduled-issues');
  assert.equal(await statusOf(id), 'scheduled');
  desk.t.clock.set('2027-03-02T07:00:00Z');
  await Promise.all([1, 2, 3].map(() => desk.newsroom.runNow('start-scheduled-issues')));
  await desk.newsroom.runJobs();
  await desk.run('start-scheduled-issues');
  assert.equal(await statusOf(id), 'sent');
  assert.equal((await desk.mails()).length, 3);
  const started = (await desk.actionsOf(`campaign:${id}`)).filter((entry) => entry === 'schedule campaign.started');
  assert.equal(started.length, 1);
});

test('by each reader’s clock it is the same time of day, and who has no zone gets it by the campaign’s', async () => {
  for (const zone of ['Pacific/Auckland', 'Europe/Sofia', 'America/Los_Angeles', 'Not/AZone', null]) await addReaderIn(zone);
  const id = await scheduled({ mode: 'reader_timezone', at: '2027-03-10T09:00', timezone: 'Europe/London' });
  const { json } = await desk.call('GET', `/campaigns/${id}`);
  assert.equal(json.scheduledAt, '2027-03-09T19:00:00.000Z', 'it begins where that time comes first');
  desk.t.clock.set(json.scheduledAt);
  await prepare(id);
  await addReaderIn('Europe/Sofia');
  assert.deepEqual(await dueTimes(id), {
    'Pacific/Auckland': '2027-03-09T20:00:00.000Z',
    'Europe/Sofia': '2027-03-10T07:00:00.000Z',
    'America/Los_Angeles': '2027-03-10T17:00:00.000Z',
    'Not/AZone': '2027-03-10T09:00:00.000Z',
    none: '2027-03-10T09:00:00.000Z',
  });
  desk.t.clock.set('2027-03-10T07:00:00Z');
  await desk.newsroom.runJobs();
  const counts = (await desk.call('GET', `/campaigns/${id}`)).json.deliveries;
  assert.deepEqual([counts.sent, counts.queued, counts.total], [2, 3, 5], 'who came later is not in it');
});

test('where the clocks change, nobody is left out and nobody gets it twice', async () => {
  // 28 March 2027, 03:30 does not exist in Sofia; 31 October 2027, 03:30 is there twice.
  for (const [day, expected] of [
    ['2027-03-28', '2027-03-28T01:30:00.000Z'],
    ['2027-10-31', '2027-10-31T01:30:00.000Z'],
  ] as const) {
    await desk.t.database.execute('test.clear', sql`truncate subscribers, deliveries, newsletter_issues cascade`);
    await addReaderIn('Europe/Sofia');
    const id = await scheduled({ mode: 'reader_timezone', at: `${day}T03:30`, timezone: 'UTC' });
    desk.t.clock.set(`${day}T00:00:00Z`);
    await prepare(id);
    assert.deepEqual(await dueTimes(id), { 'Europe/Sofia': expected });
    desk.t.clock.set('2027-03-01T00:00:00Z');
  }
});

test('at each reader’s hour it is the next time that it is that hour there', async () => {
  await addReaderIn('Europe/Sofia', 20);
  await addReaderIn('Europe/Sofia', 8);
  await addReaderIn('America/New_York', 8);
  await addReaderIn('Europe/Sofia', null);
  await addReaderIn(null, 9);
  const id = await scheduled({ mode: 'reader_hour', at: '2027-03-10T12:00', timezone: 'Europe/Sofia' });
  desk.t.clock.set('2027-03-10T10:00:00Z');
  await prepare(id);
  assert.deepEqual(await dueTimes(id), {
    'Europe/Sofia/20': '2027-03-10T18:00:00.000Z',
    'Europe/Sofia/8': '2027-03-11T06:00:00.000Z',
    'America/New_York/8': '2027-03-10T13:00:00.000Z',
    'Europe/Sofia': '2027-03-10T10:00:00.000Z',
    'none/9': '2027-03-11T07:00:00.000Z',
  });
});

describe('a planned campaign', () => {
  test('is taken back, planned anew, paused and gone on with', async () => {
    await addReaders(desk.t, 1);
    const id = await scheduled({ at: '2027-03-02T09:00' });
    assert.equal((await desk.call('PATCH', `/campaigns/${id}`, { subject: 'x' })).json.code, 'campaign_scheduled');
    const back = await desk.call('POST', `/campaigns/${id}/unschedule`);
    assert.deepEqual([back.json.status, back.json.scheduledAt, back.json.schedule.at], ['draft', null, '2027-03-02T09:00:00.000Z']);
    assert.equal(
      (await desk.call('POST', `/campaigns/${id}/schedule`)).json.scheduledAt,
      '2027-03-02T09:00:00.000Z',
      'as it is written down',
    );
    await desk.call('POST', `/campaigns/${id}/pause`);
    desk.t.clock.set('2027-03-02T10:00:00Z');
    await desk.run('start-scheduled-issues');
    assert.equal(await statusOf(id), 'paused');
    assert.equal((await desk.call('POST', `/campaigns/${id}/resume`)).json.status, 'preparing', 'its time has passed');
    await desk.run();
    assert.equal(await statusOf(id), 'sent');
  });

  test('is cancelled, and does not leave', async () => {
    await addReaders(desk.t, 1);
    const id = await scheduled({ at: '2027-03-02T09:00' });
    assert.equal((await desk.call('POST', `/campaigns/${id}/cancel`)).json.status, 'cancelled');
    desk.t.clock.set('2027-03-03T10:00:00Z');
    await desk.run('start-scheduled-issues');
    assert.deepEqual([await statusOf(id), await desk.mails()], ['cancelled', []]);
  });

  test('is sent now instead', async () => {
    await addReaderIn('America/Los_Angeles');
    const id = await scheduled({ mode: 'reader_timezone', at: '2027-03-02T09:00' });
    assert.equal((await desk.call('POST', `/campaigns/${id}/send`)).json.schedule, null);
    await desk.run();
    assert.equal(await statusOf(id), 'sent');
  });
});
