import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from '#platform/database';
import { createSmtpTransport } from '#platform/mail';
import { type ApiDesk, createApiDesk } from '../testing/api-desk.ts';
import { addReaders, createNewsroom } from '../testing/newsroom.ts';
import { startScriptedServer } from '../testing/smtp-servers.ts';

let desk: ApiDesk;
let keys = 0;

before(async () => {
  desk = await createApiDesk();
});
after(() => desk.close());
beforeEach(async () => {
  await desk.t.database.execute(
    'test.clear',
    sql`truncate transactional_mails, subscribers, suppressions, mailbox_messages, pgboss.job cascade`,
  );
});

const order = { to: { address: 'ann@example.org', name: 'Ann' }, subject: 'Order {{ number }}', text: 'Thank you for {{ item }}.' };
const values = { variables: { number: 7, item: 'moss' } };

function post(body: object, key = `key-${++keys}`) {
  return desk.call('POST', '/transactional-mails', body, { 'idempotency-key': key });
}
async function send(id: string, newsroom = desk.newsroom): Promise<void> {
  await newsroom.runNow('send-transactional-mail', { mailId: id });
}
const read = async (id: string) => (await desk.call('GET', `/transactional-mails/${id}`)).json;

test('a mail is taken, sent, and read back', async () => {
  const { status, json, headers } = await post({ ...order, ...values });
  assert.deepEqual([status, json.status, headers.location], [202, 'queued', `/api/v1/transactional-mails/${json.id}`]);
  await send(json.id);
  await send(json.id);
  const sent = await read(json.id);
  assert.deepEqual([sent.status, sent.attempts, sent.subject], ['sent', 1, 'Order 7']);
  assert.deepEqual(await desk.mails(), [{ to: 'ann@example.org', subject: 'Order 7' }]);
  const { raw } = await desk.t.database.one('test.raw', sql<{ raw: Buffer }>`select raw from mailbox_messages`);
  assert.match(raw.toString(), /Thank you for moss\./);
  assert.match(raw.toString(), new RegExp(`Message-ID: <${json.id}@`, 'i'));
  const kept = await desk.t.database.one('test.kept', sql<{ html: string | null }>`select html from transactional_mails`);
  assert.equal(kept.html, null, 'what it said is not kept');
});

test('the same key is the same mail, for another request an error, and needed', async () => {
  const first = await post({ ...order, ...values }, 'order-1');
  // Past the time for which the answers of requests are kept.
  await desk.t.database.execute('test.forget', sql`truncate idempotency_keys`);
  const again = await post({ ...order, ...values }, 'order-1');
  assert.deepEqual([again.status, again.json.id], [202, first.json.id]);
  await desk.t.database.execute('test.forget', sql`truncate idempotency_keys`);
  const other = await post({ ...order, variables: { number: 8, item: 'x' } }, 'order-1');
  assert.deepEqual([other.status, other.json.code], [422, 'idempotency_key_reused']);
  const without = await desk.call('POST', '/transactional-mails', { ...order, ...values });
  assert.deepEqual([without.status, desk.pathsOf(without)], [400, ['/headers/idempotency-key']]);
  const { count } = await desk.t.database.one('test.count', sql<{ count: number }>`select count(*) as count from transactional_mails`);
  assert.equal(count, 1);
});

test('a template is tried, kept and named', async () => {
  const html = '<p>Hello {{ name }}, <a href="https://example.org/">{{ site.title }}</a></p>';
  const faulty = await desk.call('PUT', '/transactional-templates/welcome', { subject: 'Hi', html, sample: {} });
  assert.equal(faulty.status, 422);
  assert.match(faulty.json.detail, /html, line 1: undefined variable: name/);
  assert.equal(
    (await desk.call('PUT', '/transactional-templates/welcome', { subject: 'Hi', html, sample: { name: 'A' } })).json.version,
    1,
  );
  const { json } = await post({ to: { address: 'bo@example.org' }, template: 'welcome', variables: { name: '<Bo>' } });
  await send(json.id);
  const { raw } = await desk.t.database.one('test.raw', sql<{ raw: Buffer }>`select raw from mailbox_messages`);
  assert.match(raw.toString().replace(/=\r\n/g, ''), /Hello &lt;Bo&gt;,/);
  const unknown = await post({ to: { address: 'bo@example.org' }, template: 'nothing' });
  assert.deepEqual([unknown.status, desk.pathsOf(unknown)], [422, ['/template']]);
  assert.equal((await desk.call('DELETE', '/transactional-templates/welcome')).status, 204);
});

test('goes to who unsubscribed, and not to a suppressed address', async () => {
  const [reader] = await addReaders(desk.t, 1);
  await desk.t.database.execute('test.leave', sql`update subscribers set status = 'unsubscribed'`);
  const first = await post({ to: { subscriberId: reader }, subject: 'x', text: 'y' });
  await send(first.json.id);
  assert.equal((await read(first.json.id)).status, 'sent');
  await desk.t.database.execute(
    'test.bar',
    sql`insert into suppressions (address, reason, created_at) values ('reader1@example.org', 'bounced', now())`,
  );
  const second = await post({ to: { subscriberId: reader }, subject: 'x', text: 'y' });
  await send(second.json.id);
  assert.equal((await read(second.json.id)).status, 'suppressed');
  assert.equal((await desk.mails()).length, 1);
});

test('refused for the time being it is tried again, for good it has failed, and a lost answer is uncertain', async () => {
  const answers = ['451 4.3.0 later', '550 5.7.1 no'];
  const server = await startScriptedServer({ onMessage: () => answers.shift() ?? 'cut' });
  const transport = createSmtpTransport({ url: `smtp://127.0.0.1:${server.port}`, logger: desk.t.logger, metrics: desk.t.metrics });
  const newsroom = createNewsroom(desk.t, transport);
  try {
    const { json } = await post({ ...order, ...values });
    await send(json.id, newsroom);
    const later = await read(json.id);
    assert.deepEqual([later.status, later.attempts], ['queued', 1]);
    await send(json.id, newsroom);
    assert.equal((await read(json.id)).attempts, 1, 'not before its time');
    desk.t.clock.set(later.nextAttemptAt);
    await send(json.id, newsroom);
    assert.equal((await read(json.id)).status, 'failed');
    const lost = await post({ ...order, ...values });
    await send(lost.json.id, newsroom);
    assert.equal((await read(lost.json.id)).status, 'uncertain');
    await send(lost.json.id, newsroom);
    assert.equal((await read(lost.json.id)).attempts, 1, 'it is not sent again by itself');
    const resolved = await desk.call('POST', `/transactional-mails/${lost.json.id}/resolve`, { outcome: 'resend' });
    assert.equal(resolved.json.status, 'queued');
    await send(lost.json.id);
    assert.equal((await read(lost.json.id)).status, 'sent');
  } finally {
    await transport.close();
    await server.close();
  }
});

test('what a killed process was sending is looked up where the server can be asked', async () => {
  const arrived = await post({ ...order, ...values });
  const absent = await post({ ...order, ...values });
  await send(arrived.json.id);
  await desk.t.database.execute(
    'test.interrupt',
    sql`update transactional_mails set status = 'sending', lease_until = ${desk.t.clock.now()}, attempts = 1, html = 'x', text = 'x',
               next_attempt_at = null, first_tried_at = ${desk.t.clock.now()}, changed_at = ${desk.t.clock.now()}`,
  );
  desk.t.clock.advance(1000);
  await send(arrived.json.id);
  await send(absent.json.id);
  assert.equal((await read(arrived.json.id)).status, 'sent');
  assert.equal((await read(absent.json.id)).status, 'queued');
  desk.t.clock.advance(3600_000);
  await desk.newsroom.runNow('resume-transactional-mails');
  await send(absent.json.id);
  assert.equal((await read(absent.json.id)).status, 'sent');
  assert.equal((await desk.mails()).length, 2);
});

const refused: readonly (readonly [what: string, body: object, path: string])[] = [
  ['no recipient', { ...order, to: {} }, '/to'],
  ['an address that is none', { ...order, to: { address: 'ann@' } }, '/to/address'],
  ['an address with a header', { ...order, to: { address: 'ann@example.org\r\nBcc: b@example.org' } }, '/to/address'],
  ['a name with a line break', { ...order, to: { address: 'ann@example.org', name: 'Ann\n' } }, '/to/name'],
  ['a subject with a line break', { ...order, subject: 'x\r\nBcc: b@example.org' }, '/subject'],
  ['a variable that breaks the subject', { ...order, variables: { number: 'x\r\nBcc: b@example.org', item: 'y' } }, '/subject'],
  ['no body', { to: order.to, subject: 'x' }, '/html'],
  ['no subject', { to: order.to, text: 'x' }, '/subject'],
  ['a subject beside a template', { to: order.to, subject: 'x', template: 'welcome' }, '/subject'],
];
for (const [what, body, path] of refused) {
  test(`${what} is refused, and the field is named`, async () => {
    const answer = await post({ ...values, ...body });
    assert.equal(answer.status, 422, JSON.stringify(answer.json));
    assert.ok(desk.pathsOf(answer).includes(path), JSON.stringify(answer.json.fields));
  });
}

test('an unknown variable is an error with its line, and a loop without end does not run', async () => {
  const unknown = await post({ ...order, text: 'a\n{{ nobody }}', ...values });
  assert.deepEqual([unknown.status, unknown.json.code], [422, 'template_faulty']);
  assert.match(unknown.json.detail, /text, line 2: undefined variable: nobody/);
  const endless = await post({
    ...order,
    text: '{% for a in (1..100000) %}{% for b in (1..100000) %}x{% endfor %}{% endfor %}',
    ...values,
  });
  assert.equal(endless.status, 422, JSON.stringify(endless.json));
  assert.deepEqual(await desk.mails(), []);
});
