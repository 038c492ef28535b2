import type { CheckName, ContentType, QualityCheck, QualityFinding, Section } from '#shared/article-text';

export type CheckInput = {
  readonly title: string;
  readonly metaDescription: string;
  /** ISO 639-1, such as `en`; a region (`en-GB`) is allowed. */
  readonly language: string;
  readonly contentType: ContentType;
  readonly sections: readonly Section[];
  readonly tags?: readonly string[];
};

export type Quality = { readonly qualityScore: number; readonly checks: readonly QualityCheck[] };

/** What one check says before its share in the whole is known. */
export type CheckOutcome = { readonly score: number; readonly findings: readonly QualityFinding[] };

/** Shares in the quality score; they add up to 1. Facts weigh most: a wrong number costs readers an animal. */
export const checkWeights: Readonly<Record<CheckName, number>> = { facts: 0.4, brand_voice: 0.2, readability: 0.2, seo: 0.2 };

/** At most this many findings of one kind are listed; the rest are counted in a closing line. */
export const maxFindingsOfAKind = 12;

export function clampScore(score: number): number {
  return Math.round(Math.min(1, Math.max(0, score)) * 1000) / 1000;
}

export function isEnglish(language: string): boolean {
  return /^en(-|_|$)/i.test(language);
}
