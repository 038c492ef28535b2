import type { InjectOptions } from 'fastify';
import { sql } from '#platform/database';
import { createPartition } from '#services/distributor';
import { type CaseRunner, json, refusedWith } from './api-cases.ts';
import { script } from './hostile-input.ts';
import { jpeg } from './mail-stock.ts';
import { png, type TestEngine } from './test-engine.ts';

type Things = {
  readonly engine: TestEngine;
  readonly runner: CaseRunner;
  readonly key: string;
  readonly articleId: string;
  readonly subscriberId: string;
  readonly segmentId: string;
};

/** What is published beyond the site takes its way through the API: each request names its endpoint as the description does. */
export async function livePublishing(things: Things): Promise<void> {
  const { engine, runner, key } = things;
  const { database, clock } = engine.t;

  async function call(what: string, ids: Readonly<Record<string, string>>, parts: Partial<InjectOptions> = {}): Promise<unknown> {
    const [method = 'GET', path = ''] = what.split(' ');
    const url = path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? '');
    const headers = {
      'x-api-key': key,
      ...(typeof parts.payload === 'object' && !Buffer.isBuffer(parts.payload) && json),
      ...parts.headers,
    };
    const request = { ...parts, method: method as 'GET', url: parts.url ?? url, headers };
    let body = '';
    await runner.run([
      {
        what,
        request,
        check(answer) {
          refusedWith(200, 201, 202, 204)(answer, what);
          body = answer.body;
        },
      },
    ]);
    return body.startsWith('{') ? JSON.parse(body) : body;
  }
  const make = async (what: string, payload: object | string | Buffer, headers: Record<string, string> = {}) =>
    (await call(what, {}, { payload, headers })) as { id: string };

  const soon = () => new Date(clock.now().getTime() + 3600_000).toISOString();

  await liveTemplates();
  await liveCampaigns();
  await liveSequences();
  await liveSingles();
  await liveOutside();

  async function liveTemplates(): Promise<void> {
    const root = '/api/v1/newsletter-templates';
    const { id } = await make(`POST ${root}`, { name: 'mine', copyOf: 'announcement', description: script });
    await call(`GET ${root}/{id}`, { id });
    await call(`PATCH ${root}/{id}`, { id }, { payload: { version: 1, description: 'changed' } });
    await call(`GET ${root}/{id}/versions`, { id });
    await call(`POST ${root}/{id}/versions/{version}/restore`, { id, version: '1' });
    await call(`DELETE ${root}/{id}`, { id });
    const source = { mjml: '<mjml><mj-body><mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section></mj-body></mjml>' };
    await call(`POST ${root}/validate`, {}, { payload: source });
    await make('POST /api/v1/newsletter-images?name=dot', png, { 'content-type': 'image/png' });
    await make('POST /api/v1/newsletter-images/fetch', { url: `${engine.picturesUrl}/dot.png` });
  }

  async function liveCampaigns(): Promise<void> {
    const root = '/api/v1/campaigns';
    const { subscriberId, segmentId } = things;
    const draft = { subject: 'News', body: 'Hello **there**.', template: 'announcement' };
    const plain = await make(`POST ${root}`, draft);
    await call(`GET ${root}/{id}/preview`, plain);
    await call(`POST ${root}/{id}/preview`, plain, { payload: { subscriberId } });
    await call(`GET ${root}/{id}/preflight`, plain);
    await call(`POST ${root}/{id}/test`, plain, { payload: { addresses: ["o'brien@example.org"], subscriberId } });
    await call(`POST ${root}/{id}/duplicate`, plain, { payload: {} });
    await call(`POST ${root}/{id}/schedule`, plain, { payload: { at: soon() } });
    await call(`POST ${root}/{id}/unschedule`, plain);
    await call(`POST ${root}/{id}/send`, plain);
    // No job runs here, and the next steps are for what is on its way, or has arrived.
    const move = (id: string, status: string) =>
      database.execute('test.move', sql`update newsletter_issues set status = ${status}, started_at = now() where id = ${id}::uuid`);
    await move(plain.id, 'sending');
    await call(`POST ${root}/{id}/pause`, plain);
    await call(`POST ${root}/{id}/resume`, plain);
    await call(`GET ${root}/{id}/report/segments`, plain, { url: `${root}/${plain.id}/report/segments?segmentId=${segmentId}` });
    await call(`POST ${root}/{id}/uncertain/resolve`, plain, { payload: { outcome: 'sent' } });
    await createPartition(database, plain.id);
    await database.execute(
      'test.doubt',
      sql`insert into deliveries (issue_id, subscriber_id, status, changed_at) values (${plain.id}, ${subscriberId}, 'uncertain', now())`,
    );
    await call(`POST ${root}/{id}/deliveries/{subscriberId}/resolve`, { ...plain, subscriberId }, { payload: { outcome: 'sent' } });
    await database.execute('test.end', sql`delete from delivery_chains where issue_id = ${plain.id}::uuid`);
    await move(plain.id, 'sent');
    await database.execute('test.ended', sql`update newsletter_issues set finished_at = now() where id = ${plain.id}::uuid`);
    await call(`POST ${root}/{id}/resend-failed`, plain);
    await call(`POST ${root}/{id}/resend-unopened`, plain, { payload: { subject: 'Once more' } });
    const test = { share: 0.5, metric: 'clicks', hours: 1 };
    const split = await make(`POST ${root}`, { ...draft, variants: [{ subject: 'A' }, { subject: 'B' }], abTest: test });
    await move(split.id, 'sending');
    await call(`GET ${root}/{id}/ab-test`, split);
    await call(`POST ${root}/{id}/winner`, split, { payload: { variant: 1 } });
    await call(`POST ${root}/{id}/cancel`, split);
    const unwanted = await make(`POST ${root}`, draft);
    await call(`DELETE ${root}/{id}`, unwanted);
  }

  async function liveSequences(): Promise<void> {
    const root = '/api/v1/sequences';
    const definition = { trigger: { type: 'manual' }, steps: [{ id: 'hello', type: 'send', subject: 'Welcome', body: 'Hello.' }] };
    const welcome = await make(`POST ${root}`, { name: script, definition });
    await call(`GET ${root}/{id}`, welcome);
    await call(`PATCH ${root}/{id}`, welcome, { payload: { name: 'Welcome' } });
    await call(`POST ${root}/{id}/activate`, welcome);
    await call(`POST ${root}/{id}/enrolments`, welcome, { payload: { subscriberIds: [things.subscriberId] } });
    await call(`GET ${root}/{id}/enrolments`, welcome);
    await call(`GET ${root}/{id}/figures`, welcome);
    await call(`POST ${root}/{id}/pause`, welcome);
    await call(`POST ${root}/{id}/archive`, welcome);
    const unwanted = await make(`POST ${root}`, { name: 'unwanted', definition });
    await call(`DELETE ${root}/{id}`, unwanted);
    const digests = '/api/v1/recurring-digests';
    const weekly = await make(`POST ${digests}`, { name: 'weekly', cron: '0 8 * * 1' });
    await call(`GET ${digests}/{id}`, weekly);
    await call(`PATCH ${digests}/{id}`, weekly, { payload: { name: `Each week ${script}` } });
    await call(`POST ${digests}/{id}/run`, weekly);
    await call(`DELETE ${digests}/{id}`, weekly);
  }

  async function liveSingles(): Promise<void> {
    const root = '/api/v1/transactional-mails';
    const mail = { to: { address: 'someone@example.org' }, subject: 'Receipt', text: 'Thank you.' };
    const { id } = await make(`POST ${root}`, mail, { 'idempotency-key': 'receipt-1' });
    await call(`GET ${root}/{id}`, { id });
    await database.execute(
      'test.doubt',
      sql`update transactional_mails set status = 'uncertain', next_attempt_at = null, lease_until = null where id = ${id}::uuid`,
    );
    await call(`POST ${root}/{id}/resolve`, { id }, { payload: { outcome: 'sent' } });
    const templates = '/api/v1/transactional-templates';
    await call(
      `PUT ${templates}/{name}`,
      { name: 'receipt' },
      { payload: { subject: 'Receipt', text: 'Thank you, {{ name }}.', sample: { name: 'Ann' } } },
    );
    await call(`GET ${templates}/{name}`, { name: 'receipt' });
    await call(`DELETE ${templates}/{name}`, { name: 'receipt' });
    const imports = '/api/v1/subscriber-imports';
    const list = await make(`POST ${imports}`, 'email\nnew@example.org\n', { 'content-type': 'text/csv' });
    await call(`GET ${imports}/{id}`, list);
    await call(`GET ${imports}/{id}/faults`, list);
    await call(`POST ${imports}/{id}/cancel`, list);
    await call(`POST ${imports}/{id}/resume`, list);
    await call('GET /api/v1/subscribers/export', {});
    await call('GET /api/v1/segments/{id}/cohorts', { id: things.segmentId });
    await call('POST /api/v1/segments/preview', {}, { payload: { rules: { all: [] } } });
    await make('POST /api/v1/segments', { name: 'everybody', rules: { all: [] } });
  }

  async function liveOutside(): Promise<void> {
    const hooks = '/api/v1/webhook-endpoints';
    const hook = await make(`POST ${hooks}`, { url: 'https://example.org/hook', description: script });
    await call(`GET ${hooks}/{id}`, hook);
    await call(`PATCH ${hooks}/{id}`, hook, { payload: { description: 'mine' } });
    await call(`POST ${hooks}/{id}/rotate-secret`, hook);
    const { messageId } = (await call(`POST ${hooks}/{id}/test`, hook)) as { messageId: string };
    await call(`GET ${hooks}/{id}/deliveries`, hook);
    await call(`POST ${hooks}/{id}/replay`, hook, { payload: { from: '2026-01-01T00:00:00Z' } });
    await call(`POST ${hooks}/{id}/deliveries/{messageId}/resend`, { ...hook, messageId });
    await call(`DELETE ${hooks}/{id}`, hook);
    const posts = '/api/v1/instagram-posts';
    const post = await make(`POST ${posts}`, { contentId: things.articleId });
    await call(`GET ${posts}/{id}`, post);
    await call(`PATCH ${posts}/{id}`, post, { payload: { caption: script } });
    await call(`POST ${posts}/{id}/pictures`, post, {
      url: `${posts}/${post.id}/pictures?altText=Moss`,
      payload: jpeg,
      headers: { 'content-type': 'image/jpeg' },
    });
    await call(`DELETE ${posts}/{id}/pictures/{position}`, { ...post, position: '1' });
    await call(`GET ${posts}/{id}/insights`, post);
    const at = soon();
    const move = (status: string) =>
      database.execute('test.post', sql`update instagram_posts set status = ${status}, next_step_at = ${at} where id = ${post.id}::uuid`);
    await call(`POST ${posts}/{id}/schedule`, post, { payload: { at } });
    await move('scheduled');
    await call(`POST ${posts}/{id}/unschedule`, post);
    await move('failed');
    await call(`POST ${posts}/{id}/retry`, post);
    await call(`POST ${posts}/{id}/cancel`, post);
    const { items } = (await call('GET /api/v1/mail/transports', {})) as { items?: readonly { name: string }[] };
    const [transport] = items ?? [];
    for (const verb of ['disable', 'enable']) await call(`POST /api/v1/mail/transports/{name}/${verb}`, { name: transport?.name ?? '' });
  }
}
