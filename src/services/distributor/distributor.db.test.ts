import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sql } from '#platform/database';
import { createApiKey, createHttpServer, type HttpServer } from '#platform/http-server';
import { AppError } from '#shared/errors';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { addArticles, addReaders, createMailbox, createNewsroom, type Mailbox, type Newsroom, site } from './testing/newsroom.ts';

let t: TestContext;
let mailbox: Mailbox;
let newsroom: Newsroom;
let app: HttpServer;
let key: string;
let readKey: string;
let articles: string[];
let readers: string[];

const unknownId = '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000';

before(async () => {
  t = await createTestContext();
  mailbox = await createMailbox(t);
  newsroom = createNewsroom(t, mailbox.transport);
  await t.jobs.prepare(newsroom.distributor.module.jobs.map(({ definition }) => definition));
  app = await createHttpServer({
    database: t.database,
    caches: t.caches,
    clock: t.clock,
    logger: t.logger,
    metrics: t.metrics,
    version: '0',
    maxBodyBytes: 100_000,
    trustedProxies: [],
    renderNotFound: async () => '<h1>Nothing here</h1>',
    routes: [newsroom.distributor.module.routes],
  });
  key = (await createApiKey(t.database, t.clock, { name: 'editor', scopes: ['campaigns:read', 'campaigns:write'] })).key;
  readKey = (await createApiKey(t.database, t.clock, { name: 'reader', scopes: ['campaigns:read'] })).key;
  articles = await addArticles(t, 3);
  readers = await addReaders(t, 5);
  t.clock.set(new Date(Date.now() + 3600_000));
});
after(async () => {
  await app.close();
  await mailbox.close();
  await t.close();
});

async function call(method: 'GET' | 'POST' | 'HEAD', url: string, body?: object, apiKey = key) {
  const response = await app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${apiKey}`, 'user-agent': 'Reader/1.0' },
    ...(body !== undefined && { payload: body }),
  });
  const isJson = /json/.test(String(response.headers['content-type']));
  return { status: response.statusCode, headers: response.headers, text: response.body, json: isJson ? response.json() : undefined };
}

async function draft(changes: object = {}): Promise<string> {
  const { status, json } = await call('POST', '/api/v1/campaigns', { subject: 'News', articleIds: articles, ...changes });
  assert.equal(status, 201, JSON.stringify(json));
  return json.id;
}

async function sent(): Promise<string> {
  const id = await draft();
  await call('POST', `/api/v1/campaigns/${id}/send`);
  await newsroom.runJobs();
  return id;
}

describe('a digest', () => {
  test('carries what was published since; the same key gives the same issue', async () => {
    const since = new Date(0);
    const [first, second] = await Promise.all(
      [1, 2].map(() => newsroom.distributor.createDigest({ key: 'week-48', since, actor: 'test' })),
    );
    assert.ok(first !== undefined && first.kind !== 'nothing_new' && second !== undefined && second.kind !== 'nothing_new');
    assert.deepEqual([first.kind, second.kind].sort(), ['created', 'existing']);
    assert.equal(first.issue.id, second.issue.id);
    assert.deepEqual(new Set(first.issue.articleIds), new Set(articles));
    assert.match(first.issue.subject, /^Article \d and 2 more$/);
    const again = await newsroom.distributor.createDigest({ key: 'week-48', since, subject: 'Other', actor: 'test' });
    assert.equal(again.kind, 'existing');
  });

  test('of a time without articles is none', async () => {
    const outcome = await newsroom.distributor.createDigest({ key: 'future', since: new Date('2999-01-01'), actor: 'test' });
    assert.deepEqual(outcome, { kind: 'nothing_new' });
  });
});

describe('campaigns over HTTP', () => {
  test('are drafted, sent, listed and counted', async () => {
    const id = await draft({ subject: 'Шест растения', preheader: 'and <more>' });
    const drafted = await call('GET', `/api/v1/campaigns/${id}`);
    assert.equal(drafted.json.status, 'draft');
    assert.equal(drafted.json.deliveries.total, 0);
    const sending = await call('POST', `/api/v1/campaigns/${id}/send`);
    assert.deepEqual([sending.status, sending.json.status], [200, 'preparing']);
    await newsroom.runJobs();
    const { json } = await call('GET', `/api/v1/campaigns/${id}`);
    assert.deepEqual([json.status, json.deliveries.total, json.deliveries.sent], ['sent', 5, 5]);
    assert.equal((await call('POST', `/api/v1/campaigns/${id}/send`)).json.status, 'sent', 'asked again, it answers the same');
    const list = await call('GET', '/api/v1/campaigns?limit=1&status=sent');
    assert.deepEqual(
      list.json.items.map((item: { id: string }) => item.id),
      [id],
    );
    const audit = await t.database.query(
      'test.audit',
      sql<{ actor: string; action: string }>`select actor, action from audit_log where subject = ${`campaign:${id}`} order by id`,
    );
    assert.deepEqual(audit, [
      { actor: 'key:editor', action: 'campaign.created' },
      { actor: 'key:editor', action: 'campaign.sent' },
    ]);
  });

  test('show what became of each recipient, page by page', async () => {
    const id = await sent();
    const seen: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 5; pages += 1) {
      const { json } = await call('GET', `/api/v1/campaigns/${id}/deliveries?limit=2&status=sent${cursor}`);
      seen.push(...json.items.map((item: { subscriberId: string }) => item.subscriberId));
      if (json.nextCursor === null) break;
      cursor = `&cursor=${json.nextCursor}`;
    }
    assert.deepEqual(seen, [...readers].sort());
    assert.deepEqual((await call('GET', `/api/v1/campaigns/${id}/deliveries?status=failed`)).json, { items: [], nextCursor: null });
  });

  test('preview the mail of a reader, with nothing tracked', async () => {
    const id = await draft();
    const { json, status } = await call('GET', `/api/v1/campaigns/${id}/preview?subscriberId=${readers[1]}`);
    assert.equal(status, 200);
    assert.match(json.html, /Hello Reader 2,/);
    assert.match(json.text, /Hello Reader 2,/);
    assert.match(json.html, new RegExp(`href="${site.baseUrl}/articles/article-0"`));
    assert.doesNotMatch(json.html + json.text, /\/t\/[oc]\/|\/unsubscribe\//);
    assert.match((await call('GET', `/api/v1/campaigns/${id}/preview`)).json.html, />Hello,</);
    assert.equal((await call('GET', `/api/v1/campaigns/${id}/preview?subscriberId=${unknownId}`)).status, 404);
  });

  const refused: readonly (readonly [what: string, body: object, status: number, path: string])[] = [
    ['neither article nor text', { subject: 'x', articleIds: [] }, 422, '/articleIds'],
    ['an article that is not published', { subject: 'x', articleIds: [unknownId] }, 422, '/articleIds/0'],
    ['an id that is none', { subject: 'x', articleIds: ["'; drop table deliveries"] }, 400, '/articleIds/0'],
    ['an unknown field', { subject: 'x', articleIds: [unknownId], html: '<p>' }, 400, '/html'],
    ['too long a subject', { subject: 'x'.repeat(201), articleIds: [unknownId] }, 400, '/subject'],
    ['a subject that would begin another header', { subject: 'x\r\nBcc: all@example.org', articleIds: [unknownId] }, 422, '/subject'],
    ['a NUL character', { subject: 'x\u0000', articleIds: [unknownId] }, 422, '/subject'],
    ['a blank subject', { subject: ' ', articleIds: [unknownId] }, 422, '/subject'],
    ['a NUL character in the template', { subject: 'x', articleIds: [unknownId], template: '\u0000' }, 422, '/template'],
    ['a template outside the folder', { subject: 'x', articleIds: [unknownId], template: '../digest' }, 400, '/template'],
    ['an unknown template', { subject: 'x', articleIds: [unknownId], template: 'weekly' }, 422, '/template'],
  ];
  for (const [what, body, status, field] of refused) {
    test(`with ${what} are refused, and the field is named`, async () => {
      const { status: given, json } = await call('POST', '/api/v1/campaigns', body);
      assert.equal(given, status, JSON.stringify(json));
      assert.ok(
        json.fields.some(({ path: name }: { path: string }) => name === field),
        JSON.stringify(json.fields),
      );
    });
  }

  test('of an unknown segment are refused', async () => {
    const { status, json } = await call('POST', '/api/v1/campaigns', { subject: 'x', articleIds: articles, segmentId: unknownId });
    assert.deepEqual([status, json.fields[0].path], [422, '/segmentId']);
  });

  test('go to their segment only', async () => {
    await t.database.execute('test.bulgarian', sql`update subscribers set language = 'bg' where id = ${readers[4]}::uuid`);
    const segmentId = t.clock.newId();
    await t.database.execute(
      'test.segment',
      sql`insert into subscriber_segments (id, name, rules, created_at, updated_at) values (${segmentId}, 'bg', '{}', now(), now())`,
    );
    const id = await draft({ segmentId });
    await call('POST', `/api/v1/campaigns/${id}/send`);
    await newsroom.runJobs();
    const { json } = await call('GET', `/api/v1/campaigns/${id}/deliveries`);
    assert.deepEqual(
      json.items.map((item: { subscriberId: string }) => item.subscriberId),
      [readers[4]],
    );
  });

  test('say by a code what a state does not allow', async () => {
    const id = await draft();
    for (const verb of ['pause', 'resume']) {
      const { status, json } = await call('POST', `/api/v1/campaigns/${id}/${verb}`);
      assert.deepEqual([status, json.code], [409, 'campaign_draft'], verb);
    }
    assert.equal((await call('POST', `/api/v1/campaigns/${id}/cancel`)).json.status, 'cancelled');
    assert.equal((await call('POST', `/api/v1/campaigns/${id}/cancel`)).status, 200);
    const { status, json } = await call('POST', `/api/v1/campaigns/${id}/send`);
    assert.deepEqual([status, json.code], [409, 'campaign_cancelled']);
    assert.equal((await call('POST', `/api/v1/campaigns/${await sent()}/cancel`)).json.code, 'campaign_sent');
    for (const url of [
      `/api/v1/campaigns/${unknownId}`,
      `/api/v1/campaigns/${unknownId}/deliveries`,
      `/api/v1/campaigns/${unknownId}/preview`,
    ])
      assert.equal((await call('GET', url)).status, 404, url);
    assert.equal((await call('POST', `/api/v1/campaigns/${unknownId}/send`)).status, 404);
  });

  test('need the scope to write', async () => {
    assert.equal((await call('POST', '/api/v1/campaigns', { subject: 'x', articleIds: articles }, readKey)).status, 403);
    assert.equal((await call('GET', '/api/v1/campaigns', undefined, readKey)).status, 200);
  });
});

test('a faulty template stops the campaign before any mail leaves, with the line; mended, it goes out', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'templates-'));
  try {
    const write = async (body: string) => {
      await writeFile(
        path.join(folder, 'digest.mjml'),
        `<mjml><mj-body>\n<mj-section><mj-column>\n${body}\n</mj-column></mj-section></mj-body></mjml>`,
      );
      await writeFile(path.join(folder, 'digest.txt.liquid'), '{% raw %}{{ unsubscribe_url }}{% endraw %}');
    };
    await write('<mj-text>{{ issue.subjekt }}</mj-text>');
    const [before] = await t.database.query('test.count', sql<{ count: number }>`select count(*) as count from mailbox_messages`);
    const own = createNewsroom(t, mailbox.transport, folder);
    const { distributor } = own;
    const digest = await distributor.createDigest({ key: 'faulty', since: new Date(0), actor: 'test' });
    assert.ok(digest.kind === 'created');
    await assert.rejects(
      distributor.sendIssue(digest.issue.id, 'test'),
      (error: unknown) =>
        error instanceof AppError &&
        error.code === 'preflight_failed' &&
        /digest\.mjml, line 3: undefined variable: issue\.subjekt/.test(error.message),
    );
    const refused = await distributor.issueStatus(digest.issue.id);
    assert.deepEqual([refused.status, refused.total], ['draft', 0]);
    const [after] = await t.database.query('test.count', sql<{ count: number }>`select count(*) as count from mailbox_messages`);
    assert.deepEqual(after, before);

    await write('<mj-text>{{ issue.subject }} {% raw %}{{ unsubscribe_url }}{% endraw %}</mj-text>');
    await distributor.sendIssue(digest.issue.id, 'test');
    await own.runJobs();
    const { status, statusReason, sent: count } = await distributor.issueStatus(digest.issue.id);
    assert.deepEqual([status, statusReason, count], ['sent', null, 5]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('articles that were withdrawn are left out; when none is left, the campaign fails and says why', async () => {
  const id = await draft({ articleIds: [articles[0]] });
  const sending = await call('POST', `/api/v1/campaigns/${id}/send`);
  assert.equal(sending.status, 200, sending.text);
  await t.database.execute('test.archive', sql`update generated_content set status = 'archived' where id = ${articles[0]}::uuid`);
  await newsroom.runJobs();
  const { json } = await call('GET', `/api/v1/campaigns/${id}`);
  assert.deepEqual([json.status, json.statusReason], ['failed', 'None of the articles of this campaign is published any more.']);
});
