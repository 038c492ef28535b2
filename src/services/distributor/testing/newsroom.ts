import { tmpdir } from 'node:os';
import path from 'node:path';
import { createCaches } from '#platform/cache';
import { createCompute } from '#platform/compute';
import { sql } from '#platform/database';
import { createHttpClient } from '#platform/http-client';
import { createMailboxLookup, createMailboxServer, createSmtpTransport, type MailTransport } from '#platform/mail';
import type { ServiceDependencies } from '#platform/service';
import { createStorage } from '#platform/storage';
import { createLogger, createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import { createDistributor, type Distributor } from '../distributor-service.ts';
import type { ArticleSource, Audience, AudienceRow, EmailFigure, PublishedArticle, Recipient } from '../distributor-types.ts';

/** What surrounds the distributor in its tests: readers and articles in their tables, a real mailbox, and its jobs on a lead. */

export const site = { baseUrl: 'http://news.localhost:8000', title: 'Newsroom', tagline: 'All that grows', language: 'en' };
export const secret = 'a secret of the tests';
export const sampleTemplates = path.resolve(import.meta.dirname, '../../../../packs/aquascaping/templates');

export type Setting = ServiceDependencies;

/** Of the whole test process: a thread without work does not keep it alive. */
const compute = createCompute({ maxThreads: 1, metrics: createMetrics('test') });
const caches = createCaches({
  clock: systemClock,
  logger: createLogger({ level: 'fatal', format: 'json', role: 'test' }),
  metrics: createMetrics('test'),
});

export function createArticleSource({ database }: Setting): ArticleSource {
  const columns = sql`id, slug, title, summary, ${site.baseUrl} || '/articles/' || slug as url, language, category, published_at as "publishedAt"`;
  return {
    listPublished: ({ since, limit }) =>
      database.query(
        'test.articles',
        sql<PublishedArticle>`select ${columns} from generated_content
            where status = 'published' and published_at >= ${since ?? new Date(0)} order by published_at desc limit ${limit}`,
      ),
    renderSocialPicture: async () => Buffer.alloc(0),
    findArticle: (id) =>
      database.maybeOne(
        'test.article',
        sql<PublishedArticle>`select ${columns} from generated_content where id = ${id}::uuid and status = 'published'`,
      ),
  };
}

export function createAudience({ database }: Pick<Setting, 'database'>): Audience {
  const isSuppressed = sql`exists (select 1 from suppressions where address = lower(email))`;
  return {
    unsubscribeUrl: (subscriberId, issueId) => `${site.baseUrl}/unsubscribe/${subscriberId}.${issueId}`,
    preferencesUrl: (subscriberId) => `${site.baseUrl}/preferences/${subscriberId}`,
    findRecipients: (database, ids) =>
      database.query(
        'test.recipients',
        sql<Recipient>`select id, email, name, language, country, timezone, tags, topics, custom_fields as "customFields", format,
              '{}'::text[] as segments,
              case when status <> 'active' then status when ${isSuppressed} then 'suppressed' end as obstacle
            from subscribers where id = any(${ids}::uuid[])`,
      ),
    enqueueAudience: (tx, { segmentId, insertFrom }) =>
      tx.execute(
        'test.enqueue',
        insertFrom(
          sql<AudienceRow>`select id, lower(split_part(email, '@', 2)) as host, timezone, send_hour, frequency from subscribers where status = 'active' and not ${isSuppressed}
            and (${segmentId ?? null}::uuid is null or language = 'bg')`,
        ),
      ),
    markComplained: async (tx, id) => {
      await tx.execute('test.complain', sql`update subscribers set status = 'complained' where id = ${id}::uuid`);
    },
    unsubscribe: async (tx, id) => {
      await tx.execute('test.unsubscribe', sql`update subscribers set status = 'unsubscribed' where id = ${id}::uuid`);
    },
    markBounced: async (tx, id, reason) => {
      await tx.execute('test.bounce', sql`update subscribers set status = 'bounced' where id = ${id}::uuid`);
      await tx.execute(
        'test.suppress',
        sql`insert into suppressions (address, reason, created_at)
            select lower(email), ${reason}, now() from subscribers where id = ${id}::uuid on conflict do nothing`,
      );
    },
    hasSegment: async (id) =>
      (await database.maybeOne('test.segment', sql<object>`select 1 from subscriber_segments where id = ${id}::uuid`)) !== undefined,
    isSuppressed: async (email) =>
      (await database.maybeOne('test.suppressed', sql<object>`select 1 from suppressions where address = lower(${email})`)) !== undefined,
    findForm: async (tx, id) =>
      (await tx.maybeOne('test.form', sql<{ form: string | null }>`select form from consents where subscriber_id = ${id}::uuid`))?.form ??
      null,
    changeTags: async (tx, id, { add, remove }) => {
      await tx.execute(
        'test.tags',
        sql`update subscribers set tags = array(select unnest(tags || ${add}::text[]) except select unnest(${remove}::text[]))
            where id = ${id}::uuid`,
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
    caches,
    // Made when the first picture comes.
    storage: createStorage({
      ...setting,
      config: { kind: 'folder', folder: path.join(tmpdir(), `aquascene-newsroom-${process.pid}`) },
      publicUrl: site.baseUrl,
      secret,
    }),
    // Nothing answers at the site's address: what cannot be reached is no reason to hold mail back.
    httpClient: createHttpClient({ ...setting, allowedPrivateHosts: [], userAgent: 'newsroom' }),
    site,
    secret,
    mail,
    mailFrom: 'Newsroom <news@news.localhost>',
    postalAddress: '',
    contentManager: createArticleSource(setting),
    subscribers: createAudience(setting),
    analytics: {
      addEmailFigures: async (tx, figures: readonly EmailFigure[]) => {
        for (const { contentId, day, type, count, human } of figures) {
          await tx.execute(
            'test.article-figures',
            sql`insert into content_metrics as m (content_id, metric_type, metric_name, metric_value, date_bucket)
                select ${contentId}::uuid, 'engagement', name, value, ${day}::date
                from (values (${`email_${type}s`}, ${human}::float8), (${`email_${type}s_raw`}, ${count}::float8)) as f (name, value)
                on conflict (content_id, metric_type, metric_name, date_bucket) do update set metric_value = m.metric_value + excluded.metric_value`,
          );
        }
      },
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
