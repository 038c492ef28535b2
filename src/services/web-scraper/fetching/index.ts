export { readCrawlDelay } from './host-store.ts';
export { createPoliteFetch, type FetchFailure, type PoliteFetch } from './polite-fetch.ts';
export { defaultCrawlDelayMs } from './robots.ts';
