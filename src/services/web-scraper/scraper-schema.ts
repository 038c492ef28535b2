import { Type } from 'typebox';
import { closed, nullable, Uuid } from '#shared/schema';
import { maxUrlLength } from './page-url.ts';
import type { RawContentSummary } from './raw-content-store.ts';
import type { CrawlPage, RawContent, Target } from './scraper-types.ts';

const time = Type.String({ format: 'date-time' });

export const SourceKind = Type.Union([Type.Literal('page'), Type.Literal('feed'), Type.Literal('sitemap')], {
  description: 'Told from what the address answers where it is not given.',
});
const AnyKind = Type.Union([Type.Literal('page'), Type.Literal('feed'), Type.Literal('sitemap'), Type.Literal('file')]);
export const PageStatusSchema = Type.Union([
  Type.Literal('pending'),
  Type.Literal('done'),
  Type.Literal('failed'),
  Type.Literal('skipped'),
]);

export const NewSource = Type.Object(
  {
    url: Type.String({ minLength: 1, maxLength: maxUrlLength, description: 'An http or https address.' }),
    kind: Type.Optional(SourceKind),
  },
  closed,
);

export const SourceSchema = Type.Object({
  id: Uuid,
  kind: AnyKind,
  url: Type.String(),
  status: Type.Union([Type.Literal('active'), Type.Literal('paused')]),
  createdAt: time,
  lastCrawledAt: nullable(time),
  lastError: nullable(Type.String()),
});

const counts = { pending: Type.Integer(), done: Type.Integer(), failed: Type.Integer(), skipped: Type.Integer() };
export const SourceWithCounts = Type.Object({ ...SourceSchema.properties, pages: Type.Object(counts) });

export const CrawlPageSchema = Type.Object({
  id: Uuid,
  sourceId: Uuid,
  url: Type.String(),
  status: PageStatusSchema,
  reason: nullable(Type.String({ description: 'Why it failed or was skipped; of a pending one, why the last attempt failed.' })),
  httpStatus: nullable(Type.Integer()),
  rawContentId: nullable(Uuid),
  attempts: Type.Integer(),
  createdAt: time,
  finishedAt: nullable(time),
});

const summary = {
  id: Uuid,
  url: Type.String(),
  canonicalUrl: Type.String(),
  siteName: nullable(Type.String()),
  title: Type.String(),
  author: nullable(Type.String()),
  publishedAt: nullable(time),
  language: Type.String({ description: 'ISO 639-1; und when unknown.' }),
  excerpt: Type.String(),
  wordCount: Type.Integer(),
  duplicateUrls: Type.Array(Type.String()),
  fetchedAt: time,
};

export const RawContentSummarySchema = Type.Object(summary);
export const RawContentSchema = Type.Object({
  ...summary,
  text: Type.String({ description: 'Plain text, paragraphs parted by blank lines.' }),
  images: Type.Array(Type.Object({ url: Type.String(), alt: Type.String() })),
});

export const LanguageQuery = Type.Optional(Type.String({ pattern: '^[a-z]{2,3}$', maxLength: 3, description: 'ISO 639-1 code.' }));

const isoOf = (date: Date | null): string | null => date?.toISOString() ?? null;

export function presentSource(target: Target) {
  return { ...target, createdAt: target.createdAt.toISOString(), lastCrawledAt: isoOf(target.lastCrawledAt) };
}

export function presentPage({ targetId, host: _host, createdAt, finishedAt, ...page }: CrawlPage) {
  return { ...page, sourceId: targetId, createdAt: createdAt.toISOString(), finishedAt: isoOf(finishedAt) };
}

export function presentSummary(content: RawContentSummary) {
  return {
    ...content,
    duplicateUrls: [...content.duplicateUrls],
    publishedAt: isoOf(content.publishedAt),
    fetchedAt: content.fetchedAt.toISOString(),
  };
}

export function presentRawContent(content: RawContent) {
  return { ...presentSummary(content), text: content.text, images: [...content.images] };
}
