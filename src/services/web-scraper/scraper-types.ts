import type { Queued } from '#platform/jobs';
export type TargetKind = 'page' | 'feed' | 'sitemap' | 'file';

export type Target = {
  readonly id: string;
  readonly kind: TargetKind;
  /** Normalised; of a file, its `file:` URL. */
  readonly url: string;
  readonly status: 'active' | 'paused';
  readonly createdAt: Date;
  readonly lastCrawledAt: Date | null;
  /** Why the last crawl of a feed or sitemap gave nothing. */
  readonly lastError: string | null;
};

export type PageStatus = 'pending' | 'done' | 'failed' | 'skipped';

/** A row of the frontier: a page that is to be fetched, or was. */
export type CrawlPage = {
  readonly id: string;
  readonly targetId: string;
  readonly url: string;
  /** Host and port. */
  readonly host: string;
  readonly status: PageStatus;
  /** Why it failed or was skipped; of a pending one, why the last attempt failed. */
  readonly reason: string | null;
  readonly httpStatus: number | null;
  readonly rawContentId: string | null;
  readonly attempts: number;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
};

export type PageImage = { readonly url: string; readonly alt: string };

export type RawContent = {
  readonly id: string;
  readonly url: string;
  readonly canonicalUrl: string;
  readonly siteName: string | null;
  readonly title: string;
  readonly author: string | null;
  readonly publishedAt: Date | null;
  /** ISO 639-1 where there is one, `und` when unknown. */
  readonly language: string;
  /** Plain; paragraphs parted by blank lines. Never changed once stored: citations hold offsets into it. */
  readonly text: string;
  readonly excerpt: string;
  readonly images: readonly PageImage[];
  readonly wordCount: number;
  /** Other addresses at which the same text was met. */
  readonly duplicateUrls: readonly string[];
  readonly fetchedAt: Date;
};

export type CrawlStatus = {
  readonly pending: number;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  /** Targets whose own document (feed, sitemap, page) has not been looked at yet. */
  readonly targetsToCrawl: number;
};

export type IngestOutcome =
  | { readonly kind: 'accepted'; readonly targetIds: readonly string[] }
  | { readonly kind: 'refused'; readonly reason: string };

export type PageOutcome = { readonly url: string; readonly status: PageStatus; readonly reason: string | null };

export type RawContentQuery = {
  /** Plain words: a text that has any of them is found, more and rarer ones rank higher. */
  readonly query: string;
  readonly language?: string | undefined;
  readonly limit: number;
};

/** What the routes ask of the service. */
export type SourceVerbs = {
  /** The same address twice is the same target. Its kind, where not given, is told from what it answers. @throws AppError `invalid_request` */
  addTarget(url: string, kind?: Exclude<TargetKind, 'file'>): Promise<Target>;
  /** Crawls a target again: its document, and those of its pages that failed. @throws AppError `not_found`, `invalid_request` */
  crawlAgain(targetId: string): Promise<Queued>;
  /** @throws AppError `not_found` */
  getRawContent(id: string): Promise<RawContent>;
};
