import type { Transaction } from '#platform/database';
import type { Citation, ContentType, QualityCheck, Section } from '#shared/article-text';

export type { Citation, Section } from '#shared/article-text';

export type BriefHeading = { readonly heading: string; readonly query: string };

/** What an article is asked for. Without headings, they are found in the material. */
export type Brief = {
  readonly title: string;
  readonly query: string;
  readonly language: string;
  readonly contentType: ContentType;
  readonly category: string | null;
  readonly tags: readonly string[];
  readonly headings: readonly BriefHeading[];
};

export type GenerationStatus = 'queued' | 'written' | 'declined' | 'failed';

export type GenerationRequest = {
  readonly id: string;
  readonly brief: Brief;
  readonly status: GenerationStatus;
  /** Why it was declined or failed, for a person to read. */
  readonly reason: string | null;
  readonly writer: string | null;
  readonly contentId: string | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
};

/** A gathered page, as far as a writer needs it. */
export type RawContent = {
  readonly id: string;
  readonly url: string;
  readonly title: string;
  readonly author: string | null;
  readonly publishedAt: Date | null;
  readonly language: string;
  readonly text: string;
};

export type SearchRawContent = (search: {
  readonly query: string;
  readonly language: string;
  readonly limit: number;
}) => Promise<readonly RawContent[]>;

/** What a writer makes of a brief: text and its citations. */
export type WrittenArticle = {
  readonly summary: string;
  readonly metaDescription: string;
  readonly sections: readonly Section[];
  readonly citations: readonly Citation[];
};

/** An expected outcome: the sources do not carry an article on this. `reason` is for a person. */
export type Declined = {
  readonly kind: 'declined';
  readonly reason: string;
  /** More sources would not help: it has to be asked in other words. */
  readonly isUnclear?: boolean;
};

export type WritingOutcome = { readonly kind: 'written'; readonly article: WrittenArticle } | Declined;

export type Draft = WrittenArticle & {
  readonly generationId: string | null;
  readonly title: string;
  readonly contentType: ContentType;
  readonly language: string;
  readonly category: string | null;
  readonly tags: readonly string[];
  /** 'extractive' or '<provider>/<model>'. */
  readonly writer: string;
  readonly qualityScore: number | null;
  readonly qualityChecks: readonly QualityCheck[];
};

/** Commits in the caller's transaction; the same generation twice answers with the first draft. */
export type CreateDraft = (tx: Transaction, draft: Draft, actor: string) => Promise<{ readonly id: string }>;
