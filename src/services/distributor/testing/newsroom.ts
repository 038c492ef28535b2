import path from 'node:path';
import { createCompute } from '#platform/compute';
import { sql } from '#platform/database';
import { createMailboxLookup, createMailboxServer, createSmtpTransport, type MailTransport } from '#platform/mail';
import type { ServiceDependencies } from '#platform/service';
import { createMetrics } from '#platform/telemetry';
import { createDistributor, type Distributor } from '../distributor-service.ts';
import type { ArticleSource, Audience, EmailEngagement, PublishedArticle, Recipient } from '../distributor-types.ts';

/** What surrounds the distributor in its tests: readers and articles in their tables, a real mailbox, and its jobs on a lead. */

export const site = { baseUrl: 'http://news.localhost:8000', title: 'Newsroom', tagline: 'All that grows', language: 'en' };
export const secret = 'a secret of the tests';
export const sampleTemplates = path.resolve(import.meta.dirname, '../../../../packs/aquascaping/templates');

export type Setting = ServiceDependencies;

/** Of the whole test process: a thread without work does not keep it alive. */
const compute = createCompute({ maxThreads: 1, metrics: createMetrics('test') });

export function createArticleSource({ database }: Setting): ArticleSource {
  const columns = sql`id, slug, title, summary, ${site.baseUrl} || '/articles/' || slug as url, language, category, published_at as "publishedAt"`;
  return {
    listPublished: ({ since, limit }) =>
      database.query(
        'test.articles',
        sql<PublishedArticle>`select ${columns} from generated_content
            where status = 'published' and published_at >= ${since ?? new Date(0)} order by published_at desc limit ${limit}`,
      ),
    findArticle: (id) =>
      database.maybeOne(
        'test.article',
        sql<PublishedArticle>`select ${columns} from generated_content where id = ${id}::uuid and status = 'published'`,
      ),
  };
}

export function createAudience(): Audience {
  const isSuppressed = sql`exists (select 1 from suppressions where address = lower(email))`;
  return {
    unsubscribeUrl: (subscriberId, issueId) => `${site.baseUrl}/unsubscribe/${subscriberId}.${issueId}`,
    findRecipients: (database, ids) =>
      database.query(
        'test.recipients',
        sql<Recipient>`select id, email, name, language,
              case when status <> 'active' then status when ${isSuppressed} then 'suppressed' end as obstacle
            from subscribers where id = any(${ids}::uuid[])`,
      ),
    enqueueAudience: (tx, { segmentId, insertFrom }) =>
      tx.execute(
        'test.enqueue',
        insertFrom(
          sql<{ id: string }>`select id from subscribers where status = 'active' and not ${isSuppressed}
            and (${segmentId ?? null}::uuid is null or language = 'bg')`,
        ),
      ),
    markBounced: async (tx, id, reason) => {
      await tx.execute('test.bounce', sql`update subscribers set status = 'bounced' where id = ${id}::uuid`);
      await tx.execute(
        'test.suppress',
        sql`insert into suppressions (address, reason, created_at)
            select lower(email), ${reason}, now() from subscribers where id = ${id}::uuid on conflict do nothing`,
      );
    },
  };
}

export async function addReaders({ database, clock }: Setting, count: number, prefix = 'reader'): Promise<string[]> {
  const ids = Array.from({ length: count }, () => clock.newId());
  await database.execute(
    'test.add-readers',
    sql`insert into subscribers (id, email, name, status, subscription_date, source, created_at, updated_at)
        select id, ${prefix} || n || '@example.org', case when n % 2 = 0 then 'Reader ' || n end, 'active', now(), 'test', now(), now()
        from unnest(${ids}::uuid[]) with ordinality as r (id, n)`,
  );
  return ids;
}

export async function addArticles({ database, clock }: Setting, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => clock.newId());
  for (const [index, id] of ids.entries()) {
    await database.execute(
      'test.add-article',
      sql`insert into generated_content (id, slug, title, summary, content, body, content_type, language, category, writer, status, created_at,
                                         updated_at, published_at)
          values (${id}, ${`article-${index}`}, ${`Article ${index}`}, ${'What it is about. '.repeat(12)}, '', '[]', 'guide', 'en', null, 'person',
                  'published', now(), now(), ${clock.now()})`,
    );
  }
  return ids;
}

export type Newsroom = {
  readonly distributor: Distributor;
  /** Runs jobs that are due by the clock, and those that they send, until none is. `width`: as many at once. */
  runJobs(options?: { readonly width?: number }): Promise<number>;
  /** Runs a job once, whatever the queue says. */
  runNow(name: string, data?: object): Promise<unknown>;
  /** Prepares the issue, and leaves its chains waiting. */
  prepare(issueId: string): Promise<void>;
};

/** A distributor whose jobs run when the test says so. Made twice, it stands for two processes on one database. */
export function createNewsroom(setting: Setting, mail: MailTransport, templatesFolder = sampleTemplates): Newsroom {
  const { database, clock } = setting;
  const distributor = createDistributor({
    ...setting,
    compute,
    site,
    secret,
    mail,
    mailFrom: 'Newsroom <news@news.localhost>',
    postalAddress: '',
    contentManager: createArticleSource(setting),
    subscribers: createAudience(),
    analytics: {
      record: (event: EmailEngagement, tx) =>
        (tx ?? database)
          .execute(
            'test.analytics',
            sql`insert into analytics_events (id, type, content_id, issue_id, subscriber_id, url, user_agent, occurred_at)
                values (${clock.newId()}, ${event.type}, ${event.contentId ?? null}::uuid, ${event.issueId}::uuid,
                        ${event.subscriberId}::uuid, ${event.url ?? null}, ${event.userAgent ?? null}, ${clock.now()})`,
          )
          .then(() => undefined),
    },
    templatesFolder,
  });
  const handlers = new Map(distributor.module.jobs.map(({ definition, handler }) => [definition.name, handler]));
  const run = (name: string, data: object) =>
    handlers.get(name)?.(data, { id: clock.newId(), retryCount: 0, signal: new AbortController().signal });

  return {
    distributor,
    runNow: async (name, data = {}) => run(name, data),
    async prepare(issueId) {
      await database.execute(
        'test.take-prepare',
        sql`delete from pgboss.job where name = 'prepare-issue' and data ->> 'issueId' = ${issueId}`,
      );
      await run('prepare-issue', { issueId });
    },
    async runJobs({ width = 1 } = {}) {
      for (let done = 0; ; ) {
        // Taken as a worker would take them; a job that fails here fails the test.
        const jobs = await database.query(
          'test.take-jobs',
          sql<{ name: string; data: object }>`delete from pgboss.job where id in (
                select id from pgboss.job where name in ('prepare-issue', 'deliver-batch') and state in ('created', 'retry')
                  and start_after <= ${clock.now()}
                order by created_on, id limit ${width} for update skip locked)
              returning name, data`,
        );
        if (jobs.length === 0) return done;
        await Promise.all(jobs.map(({ name, data }) => run(name, data)));
        done += jobs.length;
      }
    },
  };
}

export type Mailbox = { readonly port: number; readonly transport: MailTransport; close(): Promise<void> };

/** The real mailbox with a real transport to it. `canLookUp`: whether it can be asked what it accepted. */
export async function createMailbox({ database, clock, logger, metrics }: Setting, canLookUp = true): Promise<Mailbox> {
  const server = await createMailboxServer({ database, clock, port: 0, logger });
  const transport = createSmtpTransport({
    url: `smtp://127.0.0.1:${server.port}`,
    logger,
    metrics,
    ...(canLookUp && { findByMessageId: createMailboxLookup(database) }),
  });
  return {
    port: server.port,
    transport,
    async close() {
      await transport.close();
      await server.close();
    },
  };
}
