import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiDesk, createApiDesk } from '../../testing/api-desk.ts';
import { addArticles, addReaders } from '../../testing/newsroom.ts';

let desk: ApiDesk;
let articles: string[];
const unknownId = '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000';
const variants = [{ subject: 'One' }, { subject: 'Two' }];
const abTest = { share: 0.5, metric: 'clicks', hours: 4 };

before(async () => {
  desk = await createApiDesk();
  articles = await addArticles(desk.t, 2);
  await addReaders(desk.t, 2);
});
after(() => desk.close());

async function draft(changes: object = {}): Promise<string> {
  const { status, json } = await desk.call('POST', '/campaigns', { subject: 'News', articleIds: articles, ...changes });
  assert.equal(status, 201, JSON.stringify(json));
  return json.id;
}

test('a draft keeps all that is written, and a change leaves the rest', async () => {
  const written = {
    subject: 'Plants',
    preheader: 'and stones',
    body: '# Hello',
    variables: { button_label: 'Read', count: 3, isNew: true },
    textOverride: 'Hello {{ unsubscribe_url }}',
    articleIds: articles,
    topics: ['shrimp'],
    template: 'announcement',
    tracking: 'individual',
    onUncertain: 'resend',
    variants,
    abTest,
    schedule: { at: '2999-01-01T09:00' },
  };
  const tooLate = await desk.call('POST', '/campaigns', written);
  assert.deepEqual([tooLate.status, desk.pathsOf(tooLate)], [422, ['/schedule/at']]);
  const at = new Date(desk.t.clock.now().getTime() + 86_400_000).toISOString();
  const { template: _, ...kept } = written;
  const id = await draft({ ...written, schedule: { at } });
  const { json } = await desk.call('GET', `/campaigns/${id}`);
  for (const [name, value] of Object.entries({ ...kept, schedule: { mode: 'at', at, timezone: 'UTC' } }))
    assert.deepEqual(json[name], value, name);
  const changed = await desk.call('PATCH', `/campaigns/${id}`, { version: 1, subject: 'Stones', schedule: null });
  assert.deepEqual([changed.json.subject, changed.json.schedule, changed.json.body, changed.json.version], ['Stones', null, '# Hello', 2]);
  assert.deepEqual(await desk.actionsOf(`campaign:${id}`), ['key:editor campaign.created', 'key:editor campaign.changed']);
});

test('a change that was made on an older version is refused', async () => {
  const id = await draft();
  assert.equal((await desk.call('PATCH', `/campaigns/${id}`, { version: 1, subject: 'A' })).status, 200);
  const { status, json } = await desk.call('PATCH', `/campaigns/${id}`, { version: 1, subject: 'B' });
  assert.deepEqual([status, json.code], [409, 'campaign_changed']);
  assert.equal((await desk.call('GET', `/campaigns/${id}`)).json.subject, 'A');
  assert.equal((await desk.call('DELETE', `/campaigns/${id}?version=1`)).status, 409);
  assert.equal((await desk.call('DELETE', `/campaigns/${id}?version=2`)).status, 204);
  assert.equal((await desk.call('GET', `/campaigns/${id}`)).status, 404);
});

test('a campaign that was sent cannot be changed or deleted, but copied', async () => {
  const id = await draft({ preheader: 'first' });
  assert.equal((await desk.call('POST', `/campaigns/${id}/send`)).status, 200);
  await desk.run();
  assert.equal((await desk.call('PATCH', `/campaigns/${id}`, { subject: 'x' })).json.code, 'campaign_sent');
  assert.equal((await desk.call('DELETE', `/campaigns/${id}`)).json.code, 'campaign_sent');
  const copy = await desk.call('POST', `/campaigns/${id}/duplicate`, { subject: 'Again' });
  assert.deepEqual([copy.status, copy.json.status, copy.json.subject, copy.json.preheader], [201, 'draft', 'Again', 'first']);
  assert.notEqual(copy.json.id, id);
});

test('campaigns are listed by status and a part of the subject', async () => {
  const id = await draft({ subject: 'Ludwigia 100%' });
  const found = await desk.call('GET', '/campaigns?status=draft&q=WIGIA%20100%25');
  assert.deepEqual(
    found.json.items.map((item: { id: string }) => item.id),
    [id],
  );
  assert.deepEqual((await desk.call('GET', '/campaigns?kind=sequence_step')).json.items, []);
});

const base = { subject: 'x', body: 'text' };
const refused: readonly (readonly [what: string, body: object, path: string])[] = [
  ['a subject with a line break', { ...base, subject: 'x\nBcc: a@example.org' }, '/subject'],
  ['a preheader with a carriage return', { ...base, preheader: 'x\r' }, '/preheader'],
  ['a mark that turns the text around', { ...base, subject: 'x\u202Egnp' }, '/subject'],
  ['a NUL in the body', { ...base, body: 'x\u0000' }, '/body'],
  ['an unknown segment', { ...base, segmentId: unknownId }, '/segmentId'],
  ['an unknown segment in a block', { ...base, blocks: [{ slot: 'top', segmentIds: [unknownId], body: 'x' }] }, '/blocks/0/segmentIds/0'],
  ['a block for no segment', { ...base, blocks: [{ slot: 'top', segmentIds: [], body: 'x' }] }, '/blocks/0/segmentIds'],
  ['a variable with another name', { ...base, variables: { 'a b': 'x' } }, '/variables/a b'],
  ['one variant', { ...base, variants: [{ subject: 'a' }], abTest }, '/variants'],
  ['six variants', { ...base, variants: [1, 2, 3, 4, 5, 6].map((n) => ({ subject: `${n}` })), abTest }, '/variants'],
  ['variants that are the same', { ...base, variants: [{ subject: 'a' }, { subject: 'a' }], abTest }, '/variants/1'],
  ['a variant with a line break', { ...base, variants: [{ subject: 'a' }, { subject: 'b\n' }], abTest }, '/variants/1/subject'],
  ['variants without a test', { ...base, variants }, '/abTest'],
  ['a test without variants', { ...base, abTest }, '/variants'],
  ['a test of nobody', { ...base, variants, abTest: { ...abTest, share: 0 } }, '/abTest/share'],
  ['a test of more than all', { ...base, variants, abTest: { ...abTest, share: 1.1 } }, '/abTest/share'],
  ['a test of readers who are not known', { ...base, variants, abTest, tracking: 'anonymous' }, '/tracking'],
  ['a time that has passed', { ...base, schedule: { at: '2020-01-01T00:00:00Z' } }, '/schedule/at'],
  ['a day that does not exist', { ...base, schedule: { at: '2027-02-30T09:00' } }, '/schedule/at'],
  ['a time that is none', { ...base, schedule: { at: 'tomorrow' } }, '/schedule/at'],
  ['an unknown time zone', { ...base, schedule: { at: '2027-02-03T09:00', timezone: 'Mars/Base' } }, '/schedule/timezone'],
  [
    'a test at each reader’s hour',
    { ...base, variants, abTest, schedule: { mode: 'reader_hour', at: '2027-02-03T09:00' } },
    '/schedule/mode',
  ],
  ['a text of the wrong type', { ...base, topics: 'all' }, '/topics'],
];
for (const [what, body, path] of refused) {
  test(`${what} is refused, and the field is named`, async () => {
    desk.t.clock.set('2026-12-01T00:00:00Z');
    const answer = await desk.call('POST', '/campaigns', body);
    assert.ok(answer.status === 400 || answer.status === 422, JSON.stringify(answer.json));
    assert.ok(desk.pathsOf(answer).includes(path), JSON.stringify(answer.json.fields));
  });
}
