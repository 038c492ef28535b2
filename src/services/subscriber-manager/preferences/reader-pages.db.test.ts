import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { site, startTestStand, type TestStand } from '../testing/test-stand.ts';

let t: TestContext;
let stand: TestStand;
before(async () => {
  t = await createTestContext();
  stand = await startTestStand(t);
  for (const field of [
    { name: 'tank', label: 'Your tank', type: 'choice', choices: ['nano', 'big'], readerEditable: true },
    { name: 'litres', label: 'Litres', type: 'number', readerEditable: true },
    { name: 'secret_note', label: 'Note', type: 'text' },
  ]) {
    assert.equal((await stand.call('POST', '/api/v1/custom-fields', field)).status, 201);
  }
});
after(async () => {
  await stand.close();
  await t.close();
});

const pathOf = (url: string) => url.replace(site.baseUrl, '');
const get = (url: string, language?: string) =>
  stand.app.inject({ method: 'GET', url: pathOf(url), headers: { ...(language && { 'accept-language': language }) } });
const post = (url: string, fields: Record<string, string> | [string, string][] = {}) =>
  stand.app.inject({
    method: 'POST',
    url: pathOf(url),
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'Browser/1.0' },
    payload: new URLSearchParams(fields).toString(),
  });
const consent = 'Signed the paper list at the fair.';

async function addReader(email: string, details: object = {}): Promise<{ id: string; url: string }> {
  const { json, status } = await stand.call('POST', '/api/v1/subscribers', { email, confirmedBy: consent, ...details });
  assert.equal(status, 201, JSON.stringify(json));
  return { id: json.id, url: stand.manager.preferencesUrl(json.id) };
}
const read = async (id: string) => (await stand.call('GET', `/api/v1/subscribers/${id}`)).json;
const eventsOf = (id: string) =>
  t.database.query<{ type: string; payload: Record<string, unknown> }>(
    'test.events',
    sql`select type, payload from events where aggregate_id = ${id} order by position`,
  );
const mailLink = async (address: string, path: string, number = 1) => {
  const mail = await waitFor(`mail ${number} to ${address}`, async () => (await stand.mailsTo(address))[number - 1]);
  const url = new RegExp(`${site.baseUrl}${path}/[\\w.-]+`).exec(mail.text)?.[0];
  assert.ok(url, mail.text);
  return { url, mail };
};

test('the preference centre shows what is known in the language of the reader, changes nothing by GET, and saves by POST', async () => {
  const { id, url } = await addReader('prefs@example.com', {
    name: 'Ана',
    language: 'bg',
    customFields: { tank: 'nano', secret_note: 'shy' },
  });
  const before = await read(id);
  const page = await get(url, 'hu');
  assert.equal(page.statusCode, 200);
  assert.match(page.body, /<div class="subscription" lang="bg">\n<h1>Вашите предпочитания/);
  assert.match(page.body, /value="Ана"/);
  assert.match(page.body, /<option value="nano" selected>/);
  assert.doesNotMatch(page.body, /shy|prefs@|<script/);
  assert.match((await get(`${url}?lang=hu`)).body, /lang="hu">\n<h1>Az Ön beállításai/);
  assert.match(page.body, /<option value="Europe\/Sofia">/);
  assert.deepEqual(await read(id), before);

  const wish: [string, string][] = [
    ['topics', 'plants'],
    ['topics', 'shrimp'],
    ['frequency', 'weekly'],
    ['format', 'text'],
    ['sendHour', '7'],
    ['timezone', 'Europe/Sofia'],
    ['name', 'Anna'],
    ['language', 'en'],
    ['custom:tank', ''],
    ['custom:litres', '30.5'],
    ['custom:secret_note', 'x'],
  ];
  const saved = await post(url, wish);
  assert.equal(saved.statusCode, 200);
  assert.match(saved.body, /role="status">Your preferences are saved/);
  const after = await read(id);
  assert.deepEqual(
    [after.topics, after.frequency, after.format, after.sendHour, after.timezone, after.name, after.language, after.customFields],
    [['plants', 'shrimp'], 'weekly', 'text', 7, 'Europe/Sofia', 'Anna', 'en', { litres: 30.5, secret_note: 'shy' }],
  );
  assert.equal((await post(url, wish)).statusCode, 200);
  const [, changed, ...more] = await eventsOf(id);
  assert.equal(changed?.type, 'subscriber.changed');
  assert.deepEqual(changed?.payload.topicsAdded, ['plants', 'shrimp']);
  assert.match(String(changed?.payload.fields), /customFields\.litres/);
  assert.deepEqual(more, [], 'saving the same again changes nothing');
  assert.deepEqual((await stand.manager.findRecipients(t.database, [id]))[0]?.topics, ['plants', 'shrimp']);
});

test('what a reader cannot mean is refused, named by its field, and nothing is saved', async () => {
  const { id, url } = await addReader('faulty@example.com');
  const before = await read(id);
  const wrong: Record<string, string>[] = [
    { topics: 'cars' },
    { frequency: 'hourly' },
    { sendHour: '24' },
    { timezone: 'Mars/Base' },
    { name: 'A\r\nBcc: b@example.org' },
    { name: 'x'.repeat(201) },
    { language: '<script>' },
    { 'custom:tank': 'huge' },
    { 'custom:litres': '1e999' },
  ];
  for (const fields of wrong) {
    const answer = await post(url, fields);
    assert.equal(answer.statusCode, 422, JSON.stringify(fields));
    assert.match(answer.body, /role="alert">One field needs another look/);
    assert.doesNotMatch(answer.body, /<script/);
  }
  const token = url.split('/').at(-1) ?? '';
  for (const tampered of [
    `${token}x`,
    token.slice(1),
    token.toUpperCase(),
    'x.y',
    stand.manager.unsubscribeUrl(id, null).split('/').at(-1),
  ]) {
    assert.equal((await get(`/preferences/${tampered}`)).statusCode, 404);
    assert.equal((await post(`/preferences/${tampered}`, { name: 'x' })).statusCode, 404);
  }
  assert.deepEqual(await read(id), before);
});

test('a pause keeps campaigns away for 30 days and can be ended; leaving can be undone', async () => {
  const { id, url } = await addReader('pausing@example.com');
  assert.match((await post(`${url}/pause`)).body, /No newsletters come before/);
  assert.equal((await stand.manager.findRecipients(t.database, [id]))[0]?.obstacle, 'paused');
  assert.match((await post(`${url}/resume`)).body, /No newsletters for 30 days/);
  assert.equal((await stand.manager.findRecipients(t.database, [id]))[0]?.obstacle, null);
  const left = await post(`${url}/unsubscribe`);
  assert.equal((await read(id)).status, 'unsubscribed');
  const undo = /action="([^"]+\/undo)"/.exec(left.body)?.[1];
  assert.ok(undo);
  assert.equal((await post(undo)).statusCode, 200);
  assert.equal((await read(id)).status, 'active');
});

test('the reason of an unsubscription is kept with it, and only one of those that are offered', async () => {
  const { id } = await addReader('reason@example.com', { language: 'hu' });
  const url = stand.manager.unsubscribeUrl(id, null);
  assert.match((await get(url)).body, /<option value="too_many">Túl sok a levél/);
  await post(url, { reason: 'too_many' });
  const { consents } = await read(id);
  assert.equal(consents.at(-1).statement, 'Asked for no more newsletters. Reason: too_many.');
  assert.equal((await eventsOf(id)).at(-1)?.payload.reason, 'too_many');
  const other = await addReader('reason2@example.com');
  await post(stand.manager.unsubscribeUrl(other.id, null), { reason: 'x\r\ny' });
  assert.equal((await eventsOf(other.id)).at(-1)?.payload.reason, undefined);
});

test('a copy of the own data: asked for by POST, confirmed by mail, made by POST, had by a link that expires', async () => {
  const { id, url } = await addReader('copy@example.com', { language: 'bg' });
  assert.equal((await get(`${url}/export`)).statusCode, 405);
  assert.match((await post(`${url}/export`)).body, /c…@example\.com/);
  const { url: link, mail } = await mailLink('copy@example.com', '/my-data/export');
  assert.equal(mail.subject, 'Вашите данни в Greenwater & Sons');
  assert.match(mail.html, /<html lang="bg">/);
  assert.equal((await get(link)).statusCode, 200);
  const audits = () =>
    t.database.one<{ count: number }>('test.audits', sql`select count(*) as count from audit_log where subject = ${`subscriber:${id}`}`);
  assert.equal((await audits()).count, 0);
  const made = await post(link);
  const download = /href="([^"]+\/my-data\/download\/[^"]+)"/.exec(made.body)?.[1];
  assert.ok(download);
  assert.equal((await audits()).count, 1);
  const file = await get(download);
  assert.match(String(file.headers['content-disposition']), /^attachment/);
  const data = JSON.parse(file.body);
  assert.equal(data.profile.email, 'copy@example.com');
  assert.equal(data.consents[0].statement, consent);
  assert.equal((await get(link.replace('/export/', '/erase/'))).statusCode, 404, 'a link to export does not erase');
  t.clock.advance(25 * 3600_000);
  assert.equal((await get(link)).statusCode, 410);
  assert.equal((await post(link)).statusCode, 410);
  assert.equal((await get(download)).statusCode, 410);
});

test('erasing oneself: nothing happens before the button behind the mailed link, then nothing names the person any more', async () => {
  const { id, url } = await addReader('goodbye@example.com', { name: 'Gerda' });
  await post(`${url}/erase`);
  const { url: link } = await mailLink('goodbye@example.com', '/my-data/erase');
  await get(link);
  assert.equal((await read(id)).status, 'active');
  assert.match((await post(link)).body, /It is erased/);
  const erased = await read(id);
  assert.deepEqual([erased.status, erased.name], ['erased', null]);
  assert.equal((await post(link)).statusCode, 404);
  assert.equal((await get(url)).statusCode, 404);
  const audit = await t.database.one<{ actor: string }>(
    'test.audit',
    sql`select actor from audit_log where action = 'subscriber.erase' and subject = ${`subscriber:${id}`}`,
  );
  assert.equal(audit.actor, 'reader');
  assert.equal(
    (await stand.call('POST', '/api/v1/subscribers', { email: 'goodbye@example.com', confirmedBy: consent })).json.code,
    'subscriber_barred',
  );
});

const form = {
  slug: 'shrimp-club',
  name: 'Shrimp club',
  title: 'Клуб Скариди',
  consentStatement: 'Искам писмата на клуба по имейл.',
  language: 'bg',
  tags: ['club'],
  topics: ['shrimp'],
  fields: [{ field: 'custom:tank', required: true }, { field: 'name' }],
};

test('a form: its words, its fields, its tags; the words that were shown are kept with the consent', async () => {
  const { json, status } = await stand.call('POST', '/api/v1/forms', form);
  assert.equal(status, 201, JSON.stringify(json));
  const page = await get('/subscribe/shrimp-club', 'en');
  assert.match(page.body, /lang="bg">\n<h1>Клуб Скариди/);
  assert.ok(page.body.includes(form.consentStatement));
  assert.equal((await post('/subscribe/shrimp-club', { email: 'club@example.com' })).statusCode, 422);
  const answer = await post('/subscribe/shrimp-club', { email: 'club@example.com', 'custom:tank': 'big', name: 'Кал' });
  assert.equal(answer.statusCode, 200);
  assert.match(answer.body, /Проверете пощата си/);
  const { url, mail } = await mailLink('club@example.com', '/confirm');
  assert.equal(mail.subject, 'Моля, потвърдете абонамента си за Greenwater & Sons');
  assert.ok((await get(url)).body.includes(form.consentStatement));
  await post(url);
  const found = (await stand.call('GET', '/api/v1/subscribers?email=CLUB%40example.com')).json.items[0];
  assert.deepEqual(
    [found.status, found.tags, found.topics, found.language, found.source, found.customFields],
    ['active', ['club'], ['shrimp'], 'bg', 'form:shrimp-club', { tank: 'big' }],
  );
  const { consents } = await read(found.id);
  for (const [index, action] of ['requested', 'confirmed'].entries()) {
    const { statement, language, form: slug, ip, userAgent, action: done } = consents[index];
    assert.deepEqual(
      [done, statement, language, slug, ip, userAgent],
      [action, form.consentStatement, 'bg', 'shrimp-club', '127.0.0.1', 'Browser/1.0'],
    );
  }
  const { json: embed } = await stand.call('GET', `/api/v1/forms/${json.id}/embed`);
  assert.match(embed.html, new RegExp(`^<form method="post" action="${site.baseUrl}/subscribe/shrimp-club" lang="bg">`));
  assert.doesNotMatch(embed.html, /<script/);
  assert.equal((await stand.call('POST', '/api/v1/forms', form)).json.code, 'form_exists');
  for (const slug of ['unknown', '%00', '%ED%A0%80', '..', 'SHRIMP-CLUB']) {
    assert.ok([400, 404].includes((await get(`/subscribe/${slug}`)).statusCode), slug);
  }
});

test('a form that is not valid is refused with every fault', async () => {
  const wrong = {
    ...form,
    slug: 'wrong',
    topics: ['cars'],
    tags: ['a;b'],
    title: 'a\r\nb',
    fields: [{ field: 'custom:secret_note' }],
    redirectUrl: 'https://evil.example/',
  };
  const { status, json } = await stand.call('POST', '/api/v1/forms', wrong);
  assert.equal(status, 422);
  assert.deepEqual(json.fields.map(({ path }: { path: string }) => path).sort(), [
    '/fields/0/field',
    '/redirectUrl',
    '/tags',
    '/title',
    '/topics',
  ]);
  for (const redirectUrl of [
    'http://thanks.example/',
    'https://thanks.example@evil.example/',
    'javascript:alert(1)',
    'https://thanks.example:8443/',
    '//thanks.example',
  ]) {
    assert.equal((await stand.call('POST', '/api/v1/forms', { ...form, slug: 'wrong', redirectUrl })).status, 422, redirectUrl);
  }
});

test('without double opt-in a new address is active at once; one that left must confirm, and the answer is the same', async () => {
  const single = { ...form, slug: 'single', doubleOptIn: false, fields: [], redirectUrl: 'https://thanks.example/done' };
  assert.equal((await stand.call('POST', '/api/v1/forms', single)).status, 201);
  const gone = await addReader('gone@example.com');
  await stand.call('POST', `/api/v1/subscribers/${gone.id}/unsubscribe`);
  const answers = [];
  for (const email of ['fresh@example.com', 'gone@example.com', 'trap@example.com']) {
    const answer = await post('/subscribe/single', { email, ...(email.startsWith('trap') && { website: 'x' }) });
    answers.push(`${answer.statusCode} ${answer.headers.location}`);
  }
  assert.deepEqual([...new Set(answers)], ['303 https://thanks.example/done']);
  const fresh = (await stand.call('GET', '/api/v1/subscribers?email=fresh%40example.com')).json.items[0];
  assert.equal(fresh.status, 'active');
  assert.equal((await read(gone.id)).status, 'unsubscribed');
  await mailLink('gone@example.com', '/confirm');
});

test('disposable and look-alike addresses are refused by forms and by the API, each with its reason', async () => {
  assert.match((await post('/subscribe?lang=en', { email: 'a@mailinator.com' })).body, /disposable mail services are not accepted/);
  assert.match((await post('/subscribe?lang=bg', { email: 'a@p\u0430ypal.com' })).body, /смесва сходни букви/);
  const refused = await stand.call('POST', '/api/v1/subscribers', { email: 'a@mailinator.com', confirmedBy: consent });
  assert.match(refused.json.fields[0].message, /disposable/);
  assert.equal(
    (await stand.call('POST', '/api/v1/subscribers', { email: 'a@mailinator.com', confirmedBy: consent, allowDisposable: true })).status,
    201,
  );
  const idn = await stand.call('POST', '/api/v1/subscribers', { email: 'Anna@BÜCHER.example', confirmedBy: consent });
  assert.deepEqual([idn.json.email, idn.json.displayEmail], ['Anna@xn--bcher-kva.example', 'Anna@bücher.example']);
  assert.equal(
    (await stand.call('POST', '/api/v1/subscribers', { email: 'anna@xn--bcher-kva.example', confirmedBy: consent })).json.code,
    'subscriber_exists',
  );
});

test('a link to confirm expires after a week; its page sends a new one to the same address by POST', async () => {
  await post('/subscribe', { email: 'slow@example.com' });
  const { url } = await mailLink('slow@example.com', '/confirm');
  t.clock.advance(8 * 24 * 3600_000);
  const expired = await get(url);
  assert.equal(expired.statusCode, 410);
  assert.match(expired.body, /valid for 7 days/);
  assert.equal((await post(url)).statusCode, 410);
  const renew = /action="([^"]+\/renew)"/.exec(expired.body)?.[1] ?? '';
  assert.equal((await get(renew)).statusCode, 405);
  assert.equal((await post(renew)).statusCode, 200);
  const again = await mailLink('slow@example.com', '/confirm', 2);
  assert.equal((await post(again.url)).statusCode, 200);
  const found = (await stand.call('GET', '/api/v1/subscribers?email=slow%40example.com')).json.items[0];
  assert.equal(found.status, 'active');
});
