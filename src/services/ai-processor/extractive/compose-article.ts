import { countWords, truncate } from '#shared/text';
import type { Citation, Section, WritingOutcome, WrittenArticle } from '../generation-types.ts';
import type { Candidate, ReadSource } from './candidates.ts';
import { type ChosenSection, choosePassages } from './choose-passages.ts';
import { chooseSummary } from './choose-summary.ts';
import { describeParts, describeWords } from './decline-reasons.ts';
import { type MaterialInput, prepareMaterial } from './prepare-material.ts';

/** Search engines cut what is longer. */
const maxMetaLength = 155;
const minSections = 2;
const minArticleWords = 350;
// Whoever asks in a word or two is better served with a short article than with none.
const minWordsOfFreeTopic = 200;

const limits = { maxParagraphs: 5, minWordsOfSection: 30, aimedWords: 720, maxWords: 880 };

/**
 * An article of verbatim sentences from the pages, each with its citation: the offsets are those of the page's text, and
 * `text.slice(startOffset, endOffset)` is the sentence. The same pages and brief give the same article.
 */
export function composeArticle(input: MaterialInput): WritingOutcome {
  const { brief } = input;
  const prepared = prepareMaterial(input, { mayGap: true });
  if (prepared.kind === 'declined') return prepared;
  const { sources, passages, headings, relevance, isTrue } = prepared;
  const summary = chooseSummary(sources, relevance, brief.language, isTrue);
  const sections = choosePassages(passages, headings, relevance, { alreadySaid: summary, limits, language: brief.language, isTrue });
  if (sections.length < minSections) return { kind: 'declined', reason: describeParts(brief, sections.length, minSections) };
  const article = assemble(summary, sections, sources);
  const words = article.sections.flatMap(({ paragraphs }) => paragraphs.flat()).reduce((sum, { text }) => sum + countWords(text), 0);
  const minWords = brief.headings.length > 0 ? minArticleWords : minWordsOfFreeTopic;
  if (words < minWords) return { kind: 'declined', reason: describeWords(brief, words, minWords) };
  return { kind: 'written', article };
}

function assemble(summary: readonly Candidate[], chosen: readonly ChosenSection[], sources: readonly ReadSource[]): WrittenArticle {
  const citations: Citation[] = [];
  function cite({ source, start, end, text }: Candidate): number {
    const page = sources[source]?.page;
    if (page === undefined) throw new RangeError(`A sentence names the source ${source}, which does not exist.`);
    const place = { rawContentId: page.id, startOffset: start, endOffset: end, quote: text };
    citations.push({ ordinal: citations.length + 1, ...place, sourceUrl: page.url, sourceTitle: page.title, sourceAuthor: page.author });
    return citations.length;
  }
  const sections: Section[] = chosen.map(({ heading, passages }) => ({
    heading: heading.heading,
    paragraphs: passages.map(({ candidates }) => candidates.map((candidate) => ({ text: candidate.text, citations: [cite(candidate)] }))),
  }));
  for (const candidate of summary) cite(candidate);
  const summaryText = summary.map(({ text }) => text).join(' ');
  return { summary: summaryText, metaDescription: truncate(summaryText, maxMetaLength), sections, citations };
}
