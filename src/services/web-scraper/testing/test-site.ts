import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCompute } from '#platform/compute';
import { createHttpClient } from '#platform/http-client';
import type { TestContext } from '../../../../tests/support/test-context.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import type { PageOutcome } from '../scraper-types.ts';
import { createWebScraper, type WebScraper } from '../web-scraper.ts';

export type Answer = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
};
export type Handler = Answer | string | ((request: IncomingMessage, response: ServerResponse) => Answer | string | undefined);

export type SeenRequest = { readonly path: string; readonly atMs: number; readonly userAgent: string | undefined };

export type TestSite = {
  readonly origin: string;
  /** Every request that came, in order, with the time of its arrival. */
  readonly requests: SeenRequest[];
  /** Requests in hand at once, at most so far. */
  mostAtOnce(): number;
  /** What a path answers; a string is a page of HTML. */
  set(path: string, handler: Handler): void;
  close(): Promise<void>;
};

/** A site on a loopback port of its own. Without a robots.txt of its own it sets no crawl delay. */
export async function createTestSite(name = 'site'): Promise<TestSite> {
  const handlers = new Map<string, Handler>([
    ['/robots.txt', { headers: { 'content-type': 'text/plain' }, body: 'User-agent: *\nCrawl-delay: 0\n' }],
  ]);
  const requests: SeenRequest[] = [];
  let atOnce = 0;
  let mostAtOnce = 0;
  const server = createServer((request, response) => {
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    response.on('close', () => void (atOnce -= 1));
    requests.push({ path: request.url ?? '', atMs: performance.now(), userAgent: request.headers['user-agent'] });
    const handler = handlers.get(request.url ?? '');
    const given = typeof handler === 'function' ? handler(request, response) : (handler ?? { status: 404, body: 'nothing here' });
    if (given === undefined) return;
    const {
      status = 200,
      headers = { 'content-type': 'text/html; charset=utf-8' },
      body = '',
    } = typeof given === 'string' ? { body: given } : given;
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://${name}.localhost:${port}`,
    requests,
    mostAtOnce: () => mostAtOnce,
    set: (path, handler) => void handlers.set(path, handler),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A page whose text differs from those of other subjects in every sentence. */
export function articleAbout(subject: string, head = ''): string {
  const sentences = Array.from(
    { length: 6 },
    (_, index) =>
      `Sentence ${index + 1} about ${subject} says that ${subject} number ${index + 1} needs light, clean water and some patience.`,
  );
  return `<html lang="en"><head><title>All about ${subject}</title>${head}</head><body><nav><a href="/">Home</a></nav>
    <article><h1>All about ${subject}</h1><p>${sentences.slice(0, 3).join(' ')}</p><p>${sentences.slice(3).join(' ')}</p></article></body></html>`;
}

export type TestScraper = WebScraper & {
  /** Runs the jobs until every page of the target is settled. */
  settle(targetIds: readonly string[]): Promise<PageOutcome[]>;
  close(): Promise<void>;
};

export const testUserAgent = 'AquaSceneBot/0.1 (+https://aquascene.example/bot)';

export async function createTestScraper(context: TestContext): Promise<TestScraper> {
  const { database, jobs, events, clock, logger, metrics } = context;
  const httpClient = createHttpClient({ allowedPrivateHosts: ['*.localhost'], userAgent: testUserAgent, metrics, logger });
  const compute = createCompute({ maxThreads: 2, metrics });
  const scraper = createWebScraper({
    database,
    jobs,
    events,
    clock,
    logger,
    metrics,
    httpClient,
    compute,
    userAgent: testUserAgent,
    // The third attempt comes after more than a second, when a robots.txt that could not be read is asked for again.
    firstRetryMs: 300,
  });
  await jobs.prepare(scraper.module.jobs.map(({ definition }) => definition));
  return {
    ...scraper,
    async settle(targetIds) {
      await waitFor('the crawl to end', async () => {
        const { pending, targetsToCrawl } = await scraper.crawlStatus(targetIds);
        return pending === 0 && targetsToCrawl === 0;
      });
      return scraper.listPagesOf(targetIds);
    },
    async close() {
      await compute.close();
      await httpClient.close();
    },
  };
}
