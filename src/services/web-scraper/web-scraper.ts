import type { Compute } from '#platform/compute';
import type { HttpClient } from '#platform/http-client';
import { type Queued, registerJob } from '#platform/jobs';
import type { ServiceDependencies, ServiceModule } from '#platform/service';
import { invalid, notFound } from '#shared/errors';
import { createPageCrawler } from './crawl-page.ts';
import { createTargetCrawler, requestCrawl } from './crawl-target.ts';
import { createDocumentReader } from './documents/index.ts';
import { createPoliteFetch } from './fetching/index.ts';
import { acceptedSources, ingestFiles } from './ingest-files.ts';
import { listOutcomes, readCrawlStatus } from './page-store.ts';
import { normaliseUrl } from './page-url.ts';
import { countRawContent, findRawContent, searchRawContent } from './raw-content-store.ts';
import { crawlPageJob, crawlTargetJob, pagesPerProcess } from './scraper-jobs.ts';
import { createScraperMetrics } from './scraper-metrics.ts';
import { scraperRoutes } from './scraper-routes.ts';
import type {
  CrawlStatus,
  IngestOutcome,
  PageOutcome,
  RawContent,
  RawContentQuery,
  SourceVerbs,
  Target,
  TargetKind,
} from './scraper-types.ts';
import { findTarget, findTargetByUrl, insertTarget } from './target-store.ts';

export type WebScraperDependencies = ServiceDependencies & {
  readonly httpClient: Pick<HttpClient, 'fetch'>;
  readonly compute: Compute;
  /** What the crawler calls itself; robots.txt groups are matched by its first word. */
  readonly userAgent: string;
  /** Before a page that could not be fetched is tried again; 2 s unless told. */
  readonly firstRetryMs?: number;
};

export type WebScraper = SourceVerbs & {
  /** An address, an HTML file or a folder of them. Files are read at once; an address is crawled, a known one again. */
  ingest(source: string): Promise<IngestOutcome>;
  /** Of all, or of these targets. */
  crawlStatus(targetIds?: readonly string[]): Promise<CrawlStatus>;
  listPagesOf(targetIds: readonly string[]): Promise<PageOutcome[]>;
  countGathered(): Promise<number>;
  /** Texts that have any of the words, best first. */
  searchRawContent(query: RawContentQuery): Promise<RawContent[]>;
  readonly module: ServiceModule;
};

const looksLikeAddress = /^[a-z][a-z0-9+.-]*:\/\/|^(?:mailto|data|javascript|file|ftp):/i;

export function createWebScraper(dependencies: WebScraperDependencies): WebScraper {
  const { database, jobs, clock, compute, metrics } = dependencies;
  const scraperMetrics = createScraperMetrics(metrics);
  const politeFetch = createPoliteFetch(dependencies);
  const crawlPage = createPageCrawler({
    ...dependencies,
    politeFetch,
    readDocument: createDocumentReader(compute),
    scraperMetrics,
    firstRetryMs: dependencies.firstRetryMs ?? 2000,
  });

  async function addTarget(address: string, kind?: Exclude<TargetKind, 'file'>): Promise<Target> {
    const url = normaliseUrl(address);
    if (url === undefined) {
      throw invalid('The URL is not valid.', [
        { path: '/url', message: 'must be an http:// or https:// address of at most 2000 characters' },
      ]);
    }
    return database.transaction(async (tx) => {
      const made = await insertTarget(tx, { id: clock.newId(), kind: kind ?? 'page', url, at: clock.now() });
      if (made !== undefined) await requestCrawl(tx, dependencies, made);
      const target = made ?? (await findTargetByUrl(tx, url));
      if (target === undefined) throw notFound('source', url);
      return target;
    });
  }

  async function crawlAgain(targetId: string): Promise<Queued> {
    const target = await findTarget(database, targetId);
    if (target === undefined) throw notFound('source', targetId);
    if (target.kind === 'file') throw invalid('A file is read where it is: ingest it again with the command line.');
    return database.transaction((tx) => requestCrawl(tx, dependencies, target));
  }

  async function ingestAddress(source: string): Promise<IngestOutcome> {
    const url = normaliseUrl(source);
    if (url === undefined) return { kind: 'refused', reason: `"${source}" is no address that can be fetched. ${acceptedSources}` };
    const known = await findTargetByUrl(database, url);
    if (known === undefined || known.lastCrawledAt === null) return { kind: 'accepted', targetIds: [(await addTarget(url)).id] };
    await crawlAgain(known.id);
    return { kind: 'accepted', targetIds: [known.id] };
  }

  async function getRawContent(id: string): Promise<RawContent> {
    const content = await findRawContent(database, id);
    if (content === undefined) throw notFound('raw content', id);
    return content;
  }

  return {
    addTarget,
    crawlAgain,
    ingest: (source) =>
      looksLikeAddress.test(source.trim()) ? ingestAddress(source) : ingestFiles({ ...dependencies, scraperMetrics }, source),
    crawlStatus: (targetIds) => readCrawlStatus(database, targetIds),
    listPagesOf: (targetIds) => listOutcomes(database, targetIds),
    countGathered: () => countRawContent(database),
    searchRawContent: (query) => searchRawContent(database, query),
    getRawContent,
    module: {
      name: 'web-scraper',
      routes: scraperRoutes({ database, addTarget, crawlAgain, getRawContent }),
      jobs: [
        registerJob(crawlTargetJob, createTargetCrawler({ database, jobs, clock })),
        registerJob(crawlPageJob, crawlPage, pagesPerProcess),
      ],
      subscriptions: [],
      schedules: [],
    },
  };
}
