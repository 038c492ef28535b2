export { type ExtractedPage, extractPage } from './extraction/index.ts';
export type {
  CrawlPage,
  CrawlStatus,
  IngestOutcome,
  PageImage,
  PageOutcome,
  PageStatus,
  RawContent,
  RawContentQuery,
  Target,
  TargetKind,
} from './scraper-types.ts';
export { createWebScraper, type WebScraper, type WebScraperDependencies } from './web-scraper.ts';
