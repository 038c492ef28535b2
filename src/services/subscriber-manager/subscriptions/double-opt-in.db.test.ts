import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { findFreePort } from '../../../../tests/support/free-port.ts';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { startTestStand, type TestStand } from '../testing/test-stand.ts';

let t: TestContext;
let stand: TestStand;
let baseUrl: string;

before(async () => {
  t = await createTestContext();
  const port = await findFreePort();
  baseUrl = `http://127.0.0.1:${port}`;
  stand = await startTestStand(t, baseUrl);
  await stand.app.listen({ host: '127.0.0.1', port });
});
after(async () => {
  await stand.close();
  await t.close();
});

const form = (fields: Record<string, string>) => fetch(`${baseUrl}/subscribe`, { method: 'POST', body: new URLSearchParams(fields) });

async function subscriberOf(email: string) {
  const row = await t.database.maybeOne<{ id: string; status: string; name: string | null; consents: string[]; events: string[] }>(
    'test.subscriber',
    sql`select id, status, name,
               array(select action from consents where subscriber_id = s.id order by given_at, id) as consents,
               array(select type from events where aggregate_id = s.id::text order by position) as events
        from subscribers s where lower(email) = lower(${email})`,
  );
  return row;
}

async function snapshot(): Promise<string> {
  const row = await t.database.one<{ all: string }>(
    'test.snapshot',
    sql`select coalesce((select json_agg(s order by id) from subscribers s)::text, '') || coalesce((select json_agg(c order by id) from consents c)::text, '')
            || (select count(*) from events) || (select count(*) from suppressions)
            || (select count(*) from pgboss.job where name = 'send-confirmation') as all`,
  );
  return row.all;
}

const mail = (address: string, number = 1) =>
  waitFor(`mail ${number} to ${address}`, async () => (await stand.mailsTo(address))[number - 1]);

const linkIn = (text: string, path: string) => {
  const url = new RegExp(`${baseUrl}${path}/[\\w.-]+`).exec(text)?.[0];
  assert.ok(url, text);
  return url;
};

/** A person who went the whole way. */
async function subscribe(email: string): Promise<{ id: string; confirmUrl: string; unsubscribeUrl: string }> {
  assert.equal((await form({ email })).status, 200);
  const confirmUrl = linkIn((await mail(email)).text, '/confirm');
  assert.equal((await fetch(confirmUrl, { method: 'POST' })).status, 200);
  const subscriber = await subscriberOf(email);
  assert.ok(subscriber);
  return { id: subscriber.id, confirmUrl, unsubscribeUrl: stand.manager.unsubscribeUrl(subscriber.id, null) };
}

test('from the form to a reader: pending, a mail, a page that changes nothing, and the button', async () => {
  const email = 'Walk.Through@example.com';
  const answer = await form({ email, name: 'Anna <b>Bold</b>' });
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /Check your mail/);
  assert.deepEqual(
    { ...(await subscriberOf(email)), id: '' },
    { id: '', status: 'pending', name: 'Anna <b>Bold</b>', consents: ['requested'], events: [] },
  );

  const { subject, text, html, headers } = await mail(email);
  assert.equal(subject, 'Please confirm your subscription to Greenwater & Sons');
  assert.match(headers, /^Auto-Submitted: auto-generated/im);
  assert.doesNotMatch(text + html, /Bold/, 'what a stranger typed is not mailed to others');
  const confirmUrl = linkIn(text, '/confirm');
  assert.ok(html.includes(confirmUrl));

  const before = await snapshot();
  const page = await fetch(confirmUrl);
  const pageHtml = await page.text();
  assert.equal(page.status, 200);
  await fetch(confirmUrl, { method: 'HEAD' });
  assert.equal(await snapshot(), before, 'GET changes nothing');
  for (const [name, value] of [
    ['cache-control', /no-store/],
    ['referrer-policy', /^no-referrer$/],
    ['content-security-policy', /frame-ancestors 'none'/],
    ['x-robots-tag', /noindex/],
  ] as const) {
    assert.match(page.headers.get(name) ?? '', value);
  }
  assert.match(pageHtml, /lang="en"/);
  assert.doesNotMatch(pageHtml, /<script/);
  const action = /<form method="post" action="([^"]+)"><button/.exec(pageHtml)?.[1];
  assert.equal(`${baseUrl}${action}`, confirmUrl);

  const done = await fetch(confirmUrl, { method: 'POST' });
  assert.match(await done.text(), /You are subscribed/);
  const confirmed = {
    id: '',
    status: 'active',
    name: 'Anna <b>Bold</b>',
    consents: ['requested', 'confirmed'],
    events: ['subscriber.confirmed'],
  };
  assert.deepEqual({ ...(await subscriberOf(email)), id: '' }, confirmed);
  assert.equal((await fetch(confirmUrl, { method: 'POST' })).status, 200);
  assert.deepEqual({ ...(await subscriberOf(email)), id: '' }, confirmed, 'twice is once');
  const proof = await t.database.one<{ ip: string; origin: string }>(
    'test.proof',
    sql`select host(ip_address) as ip, origin from consents where action = 'confirmed' order by given_at desc limit 1`,
  );
  assert.deepEqual(proof, { ip: '127.0.0.1', origin: 'confirmation page' });
  assert.match(await t.metrics.text(), /aquascene_subscriber_changes_total\{[^}]*change="confirmed"[^}]*\} 1/);
});

test('ten confirmations at once are one', async () => {
  const email = 'at-once@example.com';
  await form({ email });
  const confirmUrl = linkIn((await mail(email)).text, '/confirm');
  const answers = await Promise.all(Array.from({ length: 10 }, () => fetch(confirmUrl, { method: 'POST' })));
  for (const answer of answers) assert.equal(answer.status, 200);
  const subscriber = await subscriberOf(email);
  assert.deepEqual(subscriber?.consents, ['requested', 'confirmed']);
  assert.deepEqual(subscriber?.events, ['subscriber.confirmed']);
});

test('ten requests at once are one subscriber, one request and one mail', async () => {
  const email = 'many@example.com';
  const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => form({ email: index % 2 ? email : email.toUpperCase() })));
  for (const answer of answers) assert.equal(answer.status, 200);
  await mail(email);
  assert.deepEqual((await subscriberOf(email))?.consents, ['requested']);
});

test('the answer tells nothing about who is known: new, pending, active, unsubscribed, suppressed and trapped look alike', async () => {
  const { id } = await subscribe('known@example.com');
  const gone = await subscribe('gone@example.com');
  await fetch(gone.unsubscribeUrl, { method: 'POST' });
  await stand.call('POST', '/api/v1/suppressions', { address: '@closed.example' });
  const answers = new Set<string>();
  for (const email of ['brand-new@example.com', 'brand-new@example.com', 'known@example.com', 'gone@example.com', 'x@closed.example']) {
    const answer = await form({ email });
    answers.add(`${answer.status} ${await answer.text()}`);
  }
  const trapped = await form({ email: 'robot@example.com', website: 'https://spam.example' });
  answers.add(`${trapped.status} ${await trapped.text()}`);
  assert.equal(answers.size, 1);
  assert.equal(await subscriberOf('robot@example.com'), undefined);
  assert.equal(await subscriberOf('x@closed.example'), undefined);
  assert.equal((await subscriberOf('known@example.com'))?.id, id);
  assert.equal((await subscriberOf('known@example.com'))?.status, 'active');
});

test('an active reader who asks again is told by mail, not on the page', async () => {
  const email = 'asks-again@example.com';
  await subscribe(email);
  t.clock.advance(6 * 60_000);
  await form({ email, name: 'Somebody else' });
  const { subject, text } = await mail(email, 2);
  assert.match(subject, /subscribed to .* already/);
  linkIn(text, '/unsubscribe');
  const subscriber = await subscriberOf(email);
  assert.equal(subscriber?.status, 'active');
  assert.equal(subscriber?.name, null, 'a stranger changes nothing of what is confirmed');
});

test('a repeated request sends the mail again every few minutes at most, and five times a day', async () => {
  const email = 'impatient@example.com';
  for (let times = 0; times < 8; times += 1) {
    await form({ email });
    await form({ email });
    t.clock.advance(6 * 60_000);
  }
  const requests = (await subscriberOf(email))?.consents.length;
  assert.equal(requests, 5);
  await mail(email, 5);
  const ids = (await stand.mailsTo(email)).map(({ messageId }) => messageId);
  assert.equal(new Set(ids).size, 5);
});

test('an invalid address or name gives the form back with the fault and what was typed', async () => {
  const typed = '"><script>alert(1)</script>@example.com';
  const answer = await form({ email: typed, name: 'N'.repeat(201) });
  const html = await answer.text();
  assert.equal(answer.status, 422);
  assert.match(html, /This is not an e-mail address such as name@example\.org/);
  assert.match(html, /This is too long: 200 characters are allowed/);
  assert.match(html, /value="&quot;&gt;&lt;script&gt;alert\(1\)/);
  assert.doesNotMatch(html, /<script/);
  assert.match(html, /aria-invalid="true" aria-describedby="subscription-email-fault"/);
  for (const email of ['', 'nobody', 'a@example.com\u0000', 'a@example.com\r\nBcc: b@example.com', `${'a'.repeat(300)}@example.com`]) {
    assert.equal((await form({ email })).status, 422, JSON.stringify(email));
  }
  const twice = await fetch(`${baseUrl}/subscribe`, {
    method: 'POST',
    body: new URLSearchParams('email=a@example.com&email=b@example.com'),
  });
  assert.equal(twice.status, 422);
  const json = await fetch(`${baseUrl}/subscribe`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: 'null' });
  assert.equal(json.status, 422);
  assert.equal((await fetch(`${baseUrl}/subscribe`, { method: 'POST' })).status, 422);
  assert.match(await (await fetch(`${baseUrl}/subscribe`)).text(), /<form method="post" action="\/subscribe"/);
});

test('forged, foreign and cut links say so and do nothing', async () => {
  const { confirmUrl, unsubscribeUrl, id } = await subscribe('forged@example.com');
  const before = await snapshot();
  const nobody = stand.manager.unsubscribeUrl(t.clock.newId(), null);
  const wrong = [
    confirmUrl.slice(0, -1),
    `${baseUrl}/confirm/x.y`,
    confirmUrl.replace('/confirm/', '/unsubscribe/'),
    unsubscribeUrl.replace('/unsubscribe/', '/confirm/'),
    `${unsubscribeUrl}x`,
    `${baseUrl}/unsubscribe/${id}`,
    `${baseUrl}/unsubscribe/%00%ff`,
    nobody,
  ];
  for (const url of wrong) {
    for (const method of ['GET', 'POST']) {
      const answer = await fetch(url, { method });
      assert.ok([400, 404].includes(answer.status), `${method} ${url}: ${answer.status}`);
      await answer.text();
    }
  }
  assert.match(await (await fetch(nobody)).text(), /not valid/);
  assert.equal(await snapshot(), before);
});

test('unsubscribing: the page changes nothing, the button does at once, and can be taken back for an hour', async () => {
  const email = 'leaver@example.com';
  const { id, unsubscribeUrl } = await subscribe(email);
  const before = await snapshot();
  const page = await fetch(unsubscribeUrl);
  const html = await page.text();
  assert.match(html, /l…@example\.com/);
  assert.doesNotMatch(html, /leaver/);
  assert.equal(await snapshot(), before);

  const left = await (await fetch(unsubscribeUrl, { method: 'POST', body: new URLSearchParams() })).text();
  assert.match(left, /You are unsubscribed/);
  assert.equal((await subscriberOf(email))?.status, 'unsubscribed');
  const undo = /action="([^"]+\/undo)"/.exec(left)?.[1];
  assert.ok(undo);
  await fetch(unsubscribeUrl, { method: 'POST' });
  assert.deepEqual((await subscriberOf(email))?.consents, ['requested', 'confirmed', 'withdrawn']);

  assert.equal((await fetch(baseUrl + undo)).status, 405, 'undoing is a POST');
  assert.match(await (await fetch(baseUrl + undo, { method: 'POST' })).text(), /subscribed again/);
  const back = await subscriberOf(email);
  assert.equal(back?.status, 'active');
  assert.deepEqual(back?.events, ['subscriber.confirmed', 'subscriber.unsubscribed', 'subscriber.confirmed']);
  assert.equal((await fetch(baseUrl + undo, { method: 'POST' })).status, 200, 'twice is once');
  assert.equal((await subscriberOf(email))?.consents.length, 4);

  await t.database.transaction((tx) => stand.manager.unsubscribe(tx, id, { origin: 'test' }));
  t.clock.advance(61 * 60_000);
  assert.equal((await fetch(baseUrl + undo, { method: 'POST' })).status, 410);
  assert.equal((await subscriberOf(email))?.status, 'unsubscribed');
  assert.doesNotMatch(await (await fetch(unsubscribeUrl, { method: 'POST' })).text(), /undo/);
});

test('one click by RFC 8058, as a form or as multipart, and whatever else the provider sends', async () => {
  const multipart = new FormData();
  multipart.set('List-Unsubscribe', 'One-Click');
  const ways: readonly [string, RequestInit][] = [
    ['urlencoded', { body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }) }],
    ['multipart', { body: multipart }],
  ];
  for (const [way, init] of ways) {
    const email = `one-click-${way}@example.com`;
    const { id } = await subscribe(email);
    const issueId = t.clock.newId();
    const url = stand.manager.unsubscribeUrl(id, issueId);
    for (let times = 0; times < 2; times += 1) {
      const answer = await fetch(url, { method: 'POST', ...init });
      assert.equal(answer.status, 200);
      assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/);
    }
    assert.equal((await subscriberOf(email))?.status, 'unsubscribed');
    const event = await t.database.one<{ payload: object }>(
      'test.event',
      sql`select payload from events where type = 'subscriber.unsubscribed' and aggregate_id = ${id}`,
    );
    assert.deepEqual(event.payload, { subscriberId: id, issueId });
  }
  const { unsubscribeUrl } = await subscribe('odd-provider@example.com');
  const odd = await fetch(unsubscribeUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{not json' });
  assert.equal(odd.status, 200);
  assert.equal((await subscriberOf('odd-provider@example.com'))?.status, 'unsubscribed');
});

test('who left comes back only by confirming a new request; the old link is void', async () => {
  const email = 'returner@example.com';
  const { confirmUrl, unsubscribeUrl } = await subscribe(email);
  t.clock.advance(1000);
  await fetch(unsubscribeUrl, { method: 'POST' });
  t.clock.advance(1000);
  assert.equal((await fetch(confirmUrl, { method: 'POST' })).status, 410);
  await form({ email });
  assert.equal((await subscriberOf(email))?.status, 'unsubscribed', 'asking is not confirming');
  const again = linkIn((await mail(email, 2)).text, '/confirm');
  assert.equal((await fetch(again, { method: 'POST' })).status, 200);
  assert.equal((await subscriberOf(email))?.status, 'active');
});

test('a bounced address is suppressed, and confirming a new request lifts that', async () => {
  const email = 'bouncer@example.com';
  const { id, confirmUrl } = await subscribe(email);
  t.clock.advance(1000);
  await t.database.transaction((tx) => stand.manager.markBounced(tx, id, '5.1.1 no such user'));
  await t.database.transaction((tx) => stand.manager.markBounced(tx, id, '5.1.1 no such user'));
  assert.equal((await subscriberOf(email))?.status, 'bounced');
  assert.equal(await stand.manager.isSuppressed('BOUNCER@example.com'), true);
  assert.equal((await fetch(confirmUrl, { method: 'POST' })).status, 410);
  t.clock.advance(6 * 60_000);
  await form({ email });
  await mail(email, 2);
  assert.equal((await fetch(confirmUrl, { method: 'POST' })).status, 200);
  assert.equal((await subscriberOf(email))?.status, 'active');
  assert.equal(await stand.manager.isSuppressed(email), false);
  assert.deepEqual((await subscriberOf(email))?.events, ['subscriber.confirmed', 'subscriber.bounced', 'subscriber.confirmed']);
});

test('who unsubscribed without ever confirming cannot be made active by undoing it', async () => {
  const email = 'never-confirmed@example.com';
  await form({ email });
  const id = (await subscriberOf(email))?.id ?? '';
  const url = stand.manager.unsubscribeUrl(id, null);
  assert.doesNotMatch(await (await fetch(url, { method: 'POST' })).text(), /undo/);
  assert.equal((await fetch(`${url}/undo`, { method: 'POST' })).status, 410);
  assert.equal((await subscriberOf(email))?.status, 'unsubscribed');
});
