import type { Citation, Section, Sentence } from '#shared/article-text';
import { countWords, truncate } from '#shared/text';
import type { SourcePassage } from '../extractive/index.ts';
import type { Brief, BriefHeading, WritingOutcome } from '../generation-types.ts';
import type { ArticleOutput } from '../llm/index.ts';
import { checkGrounding, type NameGroup } from './check-grounding.ts';

const maxMetaLength = 155;
const maxDroppedShare = 0.4;
const minWords = 200;
const minSections = 2;

export type GroundInput = {
  readonly brief: Brief;
  readonly output: ArticleOutput;
  readonly headings: readonly BriefHeading[];
  readonly passages: readonly SourcePassage[];
  readonly names: readonly NameGroup[];
  readonly isContradicted: (sentence: string) => boolean;
};

/** Model text may hold anything: white space becomes single spaces, control characters go. */
const cleanText = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, ' ').trim();

/**
 * What a model wrote, cut down to what the passages carry. A citation has the offsets and the words of its passage. Declined when more
 * than two fifths of the sentences had to go, or too little is left.
 */
export function groundArticle(input: GroundInput): WritingOutcome & { readonly dropped: number; readonly total: number } {
  const { brief, output, headings, passages } = input;
  const context = {
    byId: new Map(passages.map((passage) => [passage.id, passage])),
    names: input.names,
    language: brief.language,
    title: brief.title,
  };
  const ordinals = new Map<string, number>();
  let total = 0;
  let dropped = 0;

  function ground(sentence: ArticleOutput['summary']): Sentence[] {
    total += 1;
    const text = cleanText(sentence.text);
    const grounding = checkGrounding({ text, passages: sentence.passages }, context);
    if (grounding.kind !== 'grounded' || input.isContradicted(text)) {
      dropped += 1;
      return [];
    }
    const citations = grounding.passages.map(({ id }) => {
      const ordinal = ordinals.get(id) ?? ordinals.size + 1;
      ordinals.set(id, ordinal);
      return ordinal;
    });
    return [{ text, citations }];
  }

  const sections: Section[] = headings.flatMap(({ heading }, index) => {
    const paragraphs = output.sections
      .filter((section) => section.heading === index + 1)
      .flatMap((section) => section.paragraphs.map(({ sentences }) => sentences.flatMap(ground)))
      .filter((paragraph) => paragraph.length > 0);
    return paragraphs.length === 0 ? [] : [{ heading, paragraphs }];
  });
  const written = sections.flatMap((section) => section.paragraphs.flat());
  const [summary = written[0]] = ground(output.summary);
  const words = written.reduce((sum, { text }) => sum + countWords(text), 0);

  const declined = (reason: string) => ({ kind: 'declined', reason, dropped, total }) as const;
  if (dropped > maxDroppedShare * total) {
    return declined(`${dropped} of the ${total} sentences that the model wrote could not be traced to the sources.`);
  }
  if (summary === undefined || sections.length < minSections || words < minWords) {
    return declined(
      `The model wrote ${words} words in ${sections.length} parts that the sources carry; that is too little for an article.`,
    );
  }
  const citations = [...ordinals].map(([id, ordinal]) => citationOf(context.byId.get(id), ordinal));
  const article = { summary: summary.text, metaDescription: truncate(summary.text, maxMetaLength), sections, citations };
  return { kind: 'written', article, dropped, total };
}

function citationOf(passage: SourcePassage | undefined, ordinal: number): Citation {
  if (passage === undefined) throw new RangeError(`The citation ${ordinal} names a passage that does not exist.`);
  const { rawContentId, start, end, text, sourceUrl, sourceTitle, sourceAuthor } = passage;
  return { ordinal, rawContentId, startOffset: start, endOffset: end, quote: text, sourceUrl, sourceTitle, sourceAuthor };
}
