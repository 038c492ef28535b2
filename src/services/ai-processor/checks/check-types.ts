/** The shapes of the checks. They match `content-manager/article-types.ts` in structure: services do not import each other. */
export type Sentence = { readonly text: string; readonly citations: readonly number[] };

export type Section = { readonly heading: string; readonly paragraphs: readonly (readonly Sentence[])[] };

export type ContentType = 'guide' | 'care_sheet' | 'problem' | 'list' | 'news';

export type Severity = 'info' | 'warning' | 'error';

export type QualityFinding = {
  readonly message: string;
  /** Characters [start, end) of the article's plain text, in UTF-16 code units; null when the finding is about the whole. */
  readonly start: number | null;
  readonly end: number | null;
  readonly severity: Severity;
};

export type CheckName = 'facts' | 'brand_voice' | 'readability' | 'seo';

/** Score 0–1, 1 is best; `weight` is its share in the quality score. */
export type QualityCheck = {
  readonly name: CheckName;
  readonly score: number;
  readonly weight: number;
  readonly findings: readonly QualityFinding[];
};

export type CheckInput = {
  readonly title: string;
  readonly metaDescription: string;
  /** ISO 639-1, such as `en`; a region (`en-GB`) is allowed. */
  readonly language: string;
  readonly contentType: ContentType;
  readonly sections: readonly Section[];
  readonly tags?: readonly string[];
};

export type CheckResult = { readonly qualityScore: number; readonly checks: readonly QualityCheck[] };

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
