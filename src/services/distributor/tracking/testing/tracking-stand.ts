import assert from 'node:assert/strict';
import { createCaches } from '#platform/cache';
import { sql } from '#platform/database';
import { createApiKey, createHttpServer } from '#platform/http-server';
import { createAnalytics } from '#services/analytics';
import type { TestContext } from '../../../../../tests/support/test-context.ts';
import { createPartition } from '../../deliveries/delivery-store.ts';
import { createAudience, secret, site } from '../../testing/newsroom.ts';
import { createTrackingTokens } from '../../tracking-token.ts';
import type { AnswerBudgetMs } from '../engagement-recorder.ts';
import { createTracking } from '../tracking.ts';

export const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';
export const sentAt = new Date('2026-11-25T10:00:00Z');
export const articles = ['0199a5b0-0000-7000-8000-000000000001', '0199a5b0-0000-7000-8000-000000000002'];
export const links = [
  { url: 'https://news.example/one', contentId: articles[0] ?? null },
  { url: 'https://news.example/two', contentId: articles[1] ?? null },
  { url: 'https://elsewhere.example/?q="three",&x', contentId: null },
  { url: 'https://elsewhere.example/four', contentId: null },
];

export type StandIssue = { readonly id: string; readonly readers: readonly string[] };
/** How long an answer may wait for its commit: what is slow must not decide a test. */
const patience = 60_000;

type Request = { readonly userAgent?: string; readonly address?: string; readonly method?: 'GET' | 'HEAD' };

/** The tracking as it is served, over issues that were sent; its jobs run when the test says so. */
export async function createTrackingStand(t: TestContext, answerBudgetMs: AnswerBudgetMs = { open: patience, click: patience }) {
  const { database, clock } = t;
  // What is cached of an issue must not outlive a test that changes it.
  const caches = createCaches(t);
  const analytics = createAnalytics({ ...t, findTitles: async () => [] });
  const tracking = createTracking({ ...t, caches, secret, site, analytics, subscribers: createAudience(t), answerBudgetMs });
  const app = await createHttpServer({
    ...t,
    version: '0',
    maxBodyBytes: 100_000,
    trustedProxies: [],
    renderNotFound: async () => '<h1>Nothing here</h1>',
    routes: [tracking.routes],
  });
  const { key } = await createApiKey(database, clock, { name: 'reader', scopes: ['campaigns:read'] });
  const template = clock.newId();
  await database.execute(
    'test.template',
    sql`insert into newsletter_templates (id, name, mjml, text_template, created_at, updated_at) values (${template}, ${template}, '', '', now(), now())`,
  );
  const tokens = createTrackingTokens(secret);
  const handlers = new Map(tracking.jobs.map(({ definition, handler }) => [definition.name, handler]));

  async function request(url: string, { userAgent = firefox, address = '203.0.113.7', method = 'GET' }: Request = {}) {
    const response = await app.inject({ method, url, headers: { 'user-agent': userAgent }, remoteAddress: address });
    return { status: response.statusCode, location: response.headers.location, response };
  }

  return {
    database,
    app,
    tokens,
    request,
    async addIssue({ readerCount = 3, mode = 'individual', hosts = ['example.org'] } = {}): Promise<StandIssue> {
      const id = clock.newId();
      await database.execute(
        'test.issue',
        sql`insert into newsletter_issues (id, issue_key, subject, template_id, article_ids, links, tracking, status, created_at, started_at)
            values (${id}, ${id}, 'News', ${template}, ${articles}::uuid[], ${JSON.stringify(links)}::jsonb, ${mode}, 'sent', ${sentAt}, ${sentAt})`,
      );
      await createPartition(database, id);
      const readers = Array.from({ length: readerCount }, () => clock.newId());
      await database.execute(
        'test.deliveries',
        sql`insert into deliveries (issue_id, subscriber_id, mail_host, variant, status, next_attempt_at, changed_at)
            select ${id}::uuid, r.id, (${hosts}::text[])[1 + (r.n % ${hosts.length})::int], (r.n % 2)::int, 'queued', ${sentAt}, ${sentAt}
            from unnest(${readers}::uuid[]) with ordinality as r (id, n)`,
      );
      await database.execute(
        'test.sent',
        sql`update deliveries set status = 'sent', next_attempt_at = null, changed_at = ${sentAt} where issue_id = ${id}::uuid`,
      );
      return { id, readers };
    },
    tokensOf: (issue: StandIssue, reader: number | null = 0, variant = 0) =>
      tokens.sign({ issueId: issue.id, subscriberId: reader === null ? null : (issue.readers[reader] ?? ''), variant }, links.length),
    open: (token: string, options: Request = {}) => request(`/t/o/${token}.gif`, options),
    click: (token: string, options: Request = {}) => request(`/t/c/${token}`, options),
    /** Looks at suspects and adds up the figures. */
    tend: () => handlers.get('tend-engagement')?.({ seconds: 0 }, { id: '', retryCount: 0, signal: new AbortController().signal }),
    handle: async (type: string, payload: object, id = clock.newId()) => {
      const subscription = tracking.subscriptions.find(({ types }) => types.includes(type));
      const event = { id, type, aggregateId: id, payload, position: 1, occurredAt: clock.now() };
      await database.transaction(async (tx) => subscription?.handle(event, tx));
    },
    async report(issueId: string, path = '', expectedStatus = 200) {
      const response = await app.inject({
        url: `/api/v1/campaigns/${issueId}/report${path}`,
        headers: { authorization: `Bearer ${key}` },
      });
      assert.equal(response.statusCode, expectedStatus, response.body);
      return /json/.test(String(response.headers['content-type'])) ? response.json() : response.body;
    },
    labels: async (issueId: string) =>
      (
        await database.query(
          'test.labels',
          sql<{
            what: string;
          }>`select concat_ws(' ', type, link, label) as what from email_events where issue_id = ${issueId}::uuid order by occurred_at, id`,
        )
      ).map(({ what }) => what),
    async close() {
      await app.close();
      await caches.close();
    },
  };
}

export type TrackingStand = Awaited<ReturnType<typeof createTrackingStand>>;
