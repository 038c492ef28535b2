import assert from 'node:assert/strict';
import type { InjectOptions } from 'fastify';
import { sql } from '#platform/database';
import { script } from './hostile-input.ts';
import { png, type TestEngine } from './test-engine.ts';

/** What stands in a path, by the names of its parameters. */
export type PathValues = Readonly<Record<string, string>>;
/** Sends a request that must succeed, and returns what it gives. */
type Ask = (method: 'POST' | 'PUT', url: string, parts?: Partial<InjectOptions>) => Promise<{ readonly id: string }>;
type Create = (url: string, payload: object) => Promise<string>;

export type Surroundings = { readonly ask: Ask; readonly create: Create; readonly articleId: string; readonly segmentId: string };

export const mjml = `<mjml><mj-body><mj-section><mj-column><mj-text>{{ issue.subject }} <a href="{% raw %}{{ unsubscribe_url }}{% endraw %}">Leave</a></mj-text></mj-column></mj-section></mj-body></mjml>`;
/** A frame header of 400 × 400 pixels, which is all that is looked at. */
export const jpeg = Buffer.from('ffd8ffc0000b080190019001011100ffd9', 'hex');

/** What readers are sent, and what is told to others. */
export async function fillMailStock(engine: TestEngine, surroundings: Surroundings): Promise<Map<string, PathValues>> {
  return new Map([
    ...(await campaigns(engine, surroundings)),
    ...(await sequencesAndDigests(surroundings)),
    ...(await templatesAndSingles(engine, surroundings)),
    ...(await outsideAndImports(surroundings)),
  ]);
}

async function campaigns(engine: TestEngine, { create, articleId, segmentId }: Surroundings): Promise<[string, PathValues][]> {
  const root = '/api/v1/campaigns';
  const readers: string[] = [];
  for (const name of ['ann', 'ben', 'cleo', 'dan']) {
    readers.push(await create('/api/v1/subscribers', { email: `${name}@example.org`, confirmedBy: 'paper form, 2026' }));
  }
  const written = { subject: script, body: `Hello **there**. ${script}`, template: 'announcement' };
  const draft = await create(root, { subject: script, articleIds: [articleId], segmentId });
  const ofRunning = { id: await startCampaign(engine, create, written, readers), subscriberId: readers[0] ?? '' };
  const alone = (verbs: readonly string[], values: PathValues) => verbs.map((verb): [string, PathValues] => [verb, values]);
  const posted = ['pause', 'resume', 'cancel', 'winner', 'resend-failed', 'resend-unopened', 'uncertain/resolve'];
  const read = ['ab-test', 'deliveries', 'report', 'report.csv', 'report/timeline', 'report/links', 'report/hosts', 'report/segments'];
  return [
    [root, { id: draft, subscriberId: ofRunning.subscriberId }],
    [`POST ${root}/{id}/send`, { id: await create(root, written) }],
    ...alone(
      ['schedule', 'unschedule'].map((verb) => `POST ${root}/{id}/${verb}`),
      { id: await create(root, written) },
    ),
    ...alone(
      [
        ...[...posted, 'deliveries/{subscriberId}/resolve'].map((verb) => `POST ${root}/{id}/${verb}`),
        ...read.map((part) => `GET ${root}/{id}/${part}`),
      ],
      ofRunning,
    ),
  ];
}

/** An A/B test that is on its way, with mails of which one arrived, one failed, and nobody knows of one. */
async function startCampaign(engine: TestEngine, create: Create, written: object, readers: readonly string[]): Promise<string> {
  const { context, t } = engine;
  const test = { variants: [{ subject: 'A' }, { subject: 'B' }], abTest: { share: 0.5, metric: 'clicks', hours: 1 } };
  const issueId = await create('/api/v1/campaigns', { ...written, ...test });
  // As its jobs do it, but that no mail leaves.
  await t.database.execute('test.prepare', sql`update newsletter_issues set status = 'preparing' where id = ${issueId}::uuid`);
  const prepare = context.modules.flatMap(({ jobs }) => jobs).find(({ definition }) => definition.name === 'prepare-issue');
  await prepare?.handler({ issueId }, { id: issueId, retryCount: 0, signal: AbortSignal.timeout(300_000) });
  for (const [index, status] of ['uncertain', 'failed', 'sent'].entries()) {
    const changed = await t.database.execute(
      'test.deliver',
      sql`update deliveries set status = ${status}, next_attempt_at = null, reason = ${script}, variant = 0
          where issue_id = ${issueId}::uuid and subscriber_id = ${readers[index]}::uuid`,
    );
    assert.equal(changed, 1, 'the campaign has its recipients');
  }
  return issueId;
}

async function sequencesAndDigests({ ask, create, articleId }: Surroundings): Promise<[string, PathValues][]> {
  const root = '/api/v1/sequences';
  const steps = [
    { id: 'a', type: 'send', subject: script, body: script },
    { id: 'b', type: 'wait', days: 1 },
    { id: 'c', type: 'send', subject: script, articleIds: [articleId] },
  ];
  const definition = { trigger: { type: 'manual' }, steps };
  const draft = await create(root, { name: `${script} draft`, definition });
  const active = { id: await create(root, { name: `${script} active`, definition }) };
  await ask('POST', `${root}/${active.id}/activate`);
  const digests = '/api/v1/recurring-digests';
  return [
    [root, { id: draft }],
    ...['POST activate', 'POST pause', 'POST archive', 'POST enrolments', 'GET enrolments', 'GET figures'].map(
      (each): [string, PathValues] => {
        const [method, part] = each.split(' ');
        return [`${method} ${root}/{id}/${part}`, active];
      },
    ),
    [digests, { id: await create(digests, { name: script, cron: '0 8 * * 1' }) }],
  ];
}

async function templatesAndSingles({ t }: TestEngine, { ask, create }: Surroundings): Promise<[string, PathValues][]> {
  const [layouts, templates, mails] = ['/api/v1/newsletter-templates', '/api/v1/transactional-templates', '/api/v1/transactional-mails'];
  const layout = await create(layouts, { name: 'stock', mjml, description: script });
  await ask('PUT', `${templates}/stock`, { payload: { subject: `Receipt ${script}`, text: script } });
  const accept = (key: string) =>
    ask('POST', mails, {
      payload: { to: { address: 'someone@example.org', name: script }, template: 'stock' },
      headers: { 'idempotency-key': key },
    });
  const doubtful = await accept('stock-2');
  await t.database.execute(
    'test.doubt',
    sql`update transactional_mails set status = 'uncertain', next_attempt_at = null, lease_until = null where id = ${doubtful.id}::uuid`,
  );
  return [
    [layouts, { id: layout, version: '1' }],
    [templates, { name: 'stock' }],
    [mails, { id: (await accept('stock-1')).id }],
    [`POST ${mails}/{id}/resolve`, { id: doubtful.id }],
    ['/api/v1/mail/transports', { name: 'default' }],
  ];
}

async function outsideAndImports({ ask, create }: Surroundings): Promise<[string, PathValues][]> {
  const [hooks, posts, imports] = ['/api/v1/webhook-endpoints', '/api/v1/instagram-posts', '/api/v1/subscriber-imports'];
  const hook = await create(hooks, { url: 'https://example.org/<b>', description: script });
  const { messageId } = (await ask('POST', `${hooks}/${hook}/test`)) as unknown as { messageId: string };
  const addPicture = (id: string) =>
    ask('POST', `${posts}/${id}/pictures?altText=${encodeURIComponent(script)}`, {
      payload: jpeg,
      headers: { 'content-type': 'image/jpeg' },
    });
  const post = await create(posts, { caption: script });
  await addPicture(post);
  const upload = () => ask('POST', imports, { payload: `email\n${script}\n`, headers: { 'content-type': 'text/csv' } });
  const cancelled = await upload();
  await ask('POST', `${imports}/${cancelled.id}/cancel`);
  await ask('POST', '/api/v1/newsletter-images?name=dot', { payload: png, headers: { 'content-type': 'image/png' } });
  return [
    [hooks, { id: hook, messageId }],
    [posts, { id: post, position: '0' }],
    [imports, { id: (await upload()).id }],
    [`POST ${imports}/{id}/resume`, { id: cancelled.id }],
  ];
}
