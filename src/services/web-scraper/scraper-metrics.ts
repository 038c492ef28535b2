import type { Metrics } from '#platform/telemetry';

export type ScraperMetrics = ReturnType<typeof createScraperMetrics>;

export function createScraperMetrics(metrics: Metrics) {
  return {
    pages: metrics.counter('aquascene_scraper_pages_total', 'Addresses of the frontier that were settled, by what came of them', [
      'outcome',
    ]),
    fetchSeconds: metrics.histogram('aquascene_scraper_fetch_seconds', "Time to fetch an address, the wait for its host's turn included"),
    readSeconds: metrics.histogram('aquascene_scraper_read_seconds', 'Time to read a fetched document, the wait for a thread included'),
  };
}
