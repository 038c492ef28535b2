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

export const contentTypes = ['guide', 'care_sheet', 'problem', 'list', 'news'] as const;
export type ContentType = (typeof contentTypes)[number];

export type QualityFinding = {
  readonly message: string;
  /** Characters [start, end) of the article's plain text, in UTF-16 code units; null when the finding is about the whole. */
  readonly start: number | null;
  readonly end: number | null;
  readonly severity: 'info' | 'warning' | 'error';
};

export type CheckName = 'facts' | 'brand_voice' | 'readability' | 'seo';

/** Score 0–1, 1 is best; `weight` is its share in the quality score. */
export type QualityCheck = {
  readonly name: CheckName;
  readonly score: number;
  readonly weight: number;
  readonly findings: readonly QualityFinding[];
};

/** A heading or a paragraph of the plain text, at characters [start, start + text.length). `section` counts from 0. */
export type Block = { readonly kind: 'heading' | 'paragraph'; readonly text: string; readonly start: number; readonly section: number };

/** The plain text of the sections, with the places of its blocks. */
export function layOutSections(sections: readonly Section[]): { readonly text: string; readonly blocks: readonly Block[] } {
  const blocks: Block[] = [];
  let text = '';
  for (const [index, { heading, paragraphs }] of sections.entries()) {
    if (index > 0) text += '\n\n';
    const parts: Pick<Block, 'kind' | 'text'>[] = [
      { kind: 'heading', text: heading },
      ...paragraphs.map((sentences) => ({ kind: 'paragraph', text: sentences.map((sentence) => sentence.text).join(' ') }) as const),
    ];
    for (const [place, part] of parts.filter((candidate) => candidate.text !== '').entries()) {
      if (place > 0) text += '\n\n';
      blocks.push({ ...part, start: text.length, section: index });
      text += part.text;
    }
  }
  return { text, blocks };
}

/** As `generated_content.content` keeps it: what the positions of findings refer to. */
export function plainTextOf(sections: readonly Section[]): string {
  return layOutSections(sections).text;
}
