import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from '#platform/database';
import { type ApiDesk, createApiDesk } from '../../testing/api-desk.ts';
import { addArticles, addReaders } from '../../testing/newsroom.ts';
import { engagementKinds } from '../../tracking/email-event.ts';

let desk: ApiDesk;
let articles: string[];
let readers: string[];

before(async () => {
  desk = await createApiDesk();
  articles = await addArticles(desk.t, 1);
});
after(() => desk.close());
beforeEach(async () => {
  await desk.t.database.execute(
    'test.clear',
    sql`truncate subscribers, deliveries, newsletter_issues, mailbox_messages, email_engagements, pgboss.job cascade`,
  );
  readers = await addReaders(desk.t, 5);
});

async function sent(): Promise<string> {
  const { json } = await desk.call('POST', '/campaigns', { subject: 'News', articleIds: articles });
  await desk.call('POST', `/campaigns/${json.id}/send`);
  await desk.run();
  return json.id;
}

const setDelivery = (id: string, reader: string | undefined, change: ReturnType<typeof sql>) =>
  desk.t.database.execute(
    'test.set-delivery',
    sql`update deliveries set ${change} where issue_id = ${id}::uuid and subscriber_id = ${reader ?? null}::uuid`,
  );
const countsOf = async (id: string) => (await desk.call('GET', `/campaigns/${id}`)).json.deliveries;
const engage = (id: string, reader: string | undefined, human: number) =>
  desk.t.database.execute(
    'test.open',
    sql`insert into email_engagements (issue_id, subscriber_id, what, events, human, variant, first_at, last_at)
        values (${id}::uuid, ${reader ?? null}::uuid, ${engagementKinds.open}, 1, ${human}, 0, now(), now())`,
  );

test('failures are tried again, and nobody else gets a second mail', async () => {
  const id = await sent();
  await desk.t.database.execute('test.lose', sql`delete from mailbox_messages where envelope_to = 'reader1@example.org'`);
  await setDelivery(id, readers[0], sql`status = 'failed', failure_class = 'transient', reason = 'busy'`);
  await setDelivery(id, readers[1], sql`status = 'failed', failure_class = 'hard', reason = 'no such user'`);
  assert.deepEqual((await desk.call('POST', `/campaigns/${id}/resend-failed`)).json, { count: 1 });
  await desk.run();
  const counts = await countsOf(id);
  assert.deepEqual([counts.sent, counts.failed], [4, 1], 'an address that does not exist is not tried again');
  assert.equal((await desk.mails()).length, 5);
  assert.deepEqual((await desk.call('POST', `/campaigns/${id}/resend-failed`)).json, { count: 0 });
});

test('who did not open it gets it once more under another subject', async () => {
  const id = await sent();
  await engage(id, readers[0], 1);
  await engage(id, readers[1], 0);
  await setDelivery(id, readers[2], sql`status = 'failed'`);
  await desk.t.database.execute('test.leave', sql`update subscribers set status = 'unsubscribed' where id = ${readers[3] ?? null}::uuid`);
  await addReaders(desk.t, 1, 'new');
  const same = await desk.call('POST', `/campaigns/${id}/resend-unopened`, { subject: 'News' });
  assert.deepEqual([same.status, desk.pathsOf(same)], [422, ['/subject']]);
  const { json, status } = await desk.call('POST', `/campaigns/${id}/resend-unopened`, { subject: 'Did you see?' });
  assert.deepEqual([status, json.status, json.resendOf], [201, 'draft', id]);
  assert.equal((await desk.call('POST', `/campaigns/${json.id}/send`)).status, 200);
  await desk.run();
  const again = (await desk.mails()).filter(({ subject }) => subject === 'Did you see?');
  assert.deepEqual(
    again.map(({ to }) => to),
    ['reader2@example.org', 'reader5@example.org'],
    'a machine’s open is none',
  );
});

test('of a draft nothing is resent', async () => {
  const { json } = await desk.call('POST', '/campaigns', { subject: 'News', articleIds: articles });
  for (const [verb, body] of [
    ['resend-failed', undefined],
    ['resend-unopened', { subject: 'x' }],
    ['uncertain/resolve', { outcome: 'sent' }],
  ] as const) {
    assert.equal((await desk.call('POST', `/campaigns/${json.id}/${verb}`, body)).json.code, 'campaign_draft', verb);
  }
});

test('what is uncertain is listed, and settled by a person, one or all', async () => {
  const id = await sent();
  for (const reader of readers.slice(0, 3)) await setDelivery(id, reader, sql`status = 'uncertain', reason = 'cut off'`);
  const list = await desk.call('GET', `/campaigns/${id}/deliveries?status=uncertain`);
  assert.equal(list.json.items.length, 3);
  const one = await desk.call('POST', `/campaigns/${id}/deliveries/${readers[0]}/resolve`, { outcome: 'failed' });
  assert.deepEqual(one.json, { count: 1 });
  assert.deepEqual((await desk.call('POST', `/campaigns/${id}/uncertain/resolve`, { outcome: 'sent' })).json, { count: 2 });
  assert.deepEqual((await desk.call('POST', `/campaigns/${id}/uncertain/resolve`, { outcome: 'sent' })).json, { count: 0 });
  const counts = await countsOf(id);
  assert.deepEqual([counts.sent, counts.failed, counts.uncertain], [4, 1, 0]);
  const resolved = (await desk.actionsOf(`campaign:${id}`)).filter((entry) => entry === 'key:editor campaign.uncertain-resolved');
  assert.equal(resolved.length, 2);
  assert.equal((await desk.call('POST', `/campaigns/${id}/uncertain/resolve`, { outcome: 'maybe' })).status, 400);
});
