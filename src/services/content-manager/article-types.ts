import type { Citation, ContentType, QualityCheck, Section } from '#shared/article-text';

/** What a writer hands over. */
export type Draft = {
  readonly generationId: string | null;
  readonly title: string;
  readonly summary: string;
  readonly metaDescription: string;
  readonly contentType: ContentType;
  readonly language: string;
  readonly category: string | null;
  readonly tags: readonly string[];
  readonly sections: readonly Section[];
  readonly citations: readonly Citation[];
  /** 'extractive', 'person' or '<provider>/<model>'. */
  readonly writer: string;
  readonly qualityScore: number | null;
  readonly qualityChecks: readonly QualityCheck[];
};

export type ArticleStatus = 'draft' | 'in_review' | 'approved' | 'scheduled' | 'published' | 'archived' | 'rejected';
