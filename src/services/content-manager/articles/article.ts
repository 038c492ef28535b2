import type { ArticleStatus, Draft } from '../article-types.ts';

/** What an edit can change, and what a former version brings back. */
export type ArticleText = Pick<
  Draft,
  | 'title'
  | 'summary'
  | 'metaDescription'
  | 'contentType'
  | 'language'
  | 'category'
  | 'tags'
  | 'sections'
  | 'citations'
  | 'qualityScore'
  | 'qualityChecks'
>;

export type Article = ArticleText & {
  readonly id: string;
  /** Part of the public address: given once, kept when the title changes. */
  readonly slug: string;
  readonly writer: string;
  readonly generationId: string | null;
  readonly status: ArticleStatus;
  /** Why it has this status: of a rejection, or of an automatic approval. */
  readonly statusReason: string | null;
  /** Counts every change, from 1. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly scheduledAt: Date | null;
  /** Of the first publication; an article that was archived and is published again keeps it. */
  readonly publishedAt: Date | null;
};

/** An article in a list, without its text. */
export type ArticleSummary = Omit<Article, 'sections' | 'citations' | 'qualityChecks'>;

export type PublishedArticle = {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  readonly summary: string;
  readonly url: string;
  readonly language: string;
  readonly category: string | null;
  readonly tags: readonly string[];
  readonly publishedAt: Date;
  /** A picture that mails can show. */
  readonly image: { readonly url: string; readonly alt: string };
};

/** The fields of an article whose change makes the checks of it stale. */
export const checkedFields = ['title', 'summary', 'metaDescription', 'sections'] as const;

export function textOf(article: ArticleText): ArticleText {
  const { title, summary, metaDescription, contentType, language, category, tags, sections, citations } = article;
  const { qualityScore, qualityChecks } = article;
  return { title, summary, metaDescription, contentType, language, category, tags, sections, citations, qualityScore, qualityChecks };
}
