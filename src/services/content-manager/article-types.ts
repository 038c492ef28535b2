/** `text` stands verbatim in the source when the writer is extractive; `citations` are ordinals of `Citation`s, from 1. */
export type Sentence = { readonly text: string; readonly citations: readonly number[] };

export type Section = { readonly heading: string; readonly paragraphs: readonly (readonly Sentence[])[] };

/** Where a sentence comes from: characters [startOffset, endOffset) of a source's text, in UTF-16 code units. */
export type Citation = {
  readonly ordinal: number;
  readonly rawContentId: string;
  readonly startOffset: number;
  readonly endOffset: number;
  readonly quote: string;
  readonly sourceUrl: string;
  readonly sourceTitle: string;
  readonly sourceAuthor: string | null;
};

export type QualityFinding = {
  readonly message: string;
  /** Characters [start, end) of the article's plain text; null when the finding is about the whole. */
  readonly start: number | null;
  readonly end: number | null;
  readonly severity: 'info' | 'warning' | 'error';
};

/** Score 0–1, 1 is best; `weight` is its share in the quality score. */
export type QualityCheck = {
  readonly name: 'facts' | 'brand_voice' | 'readability' | 'seo';
  readonly score: number;
  readonly weight: number;
  readonly findings: readonly QualityFinding[];
};

export type ContentType = 'guide' | 'care_sheet' | 'problem' | 'list' | 'news';

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

/** The plain text of the sections, as `generated_content.content` keeps it: finding positions refer to it. */
export function plainTextOf(sections: readonly Section[]): string {
  return sections
    .map((section) =>
      [section.heading, ...section.paragraphs.map((paragraph) => paragraph.map((sentence) => sentence.text).join(' '))]
        .filter((part) => part !== '')
        .join('\n\n'),
    )
    .join('\n\n');
}
