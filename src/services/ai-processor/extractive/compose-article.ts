import { countWords, truncate } from '#shared/text';
import type { Citation, Section, WritingOutcome, WrittenArticle } from '../generation-types.ts';
import type { Candidate, ReadSource } from './candidates.ts';
import { type ChosenSection, choosePassages } from './choose-passages.ts';
import { chooseSummary } from './choose-summary.ts';
import { listPassages } from './passages.ts';
import { type MaterialInput, prepareMaterial } from './prepare-material.ts';

/** Search engines cut what is longer. */
const maxMetaLength = 155;
const minSections = 2;
const minArticleWords = 350;

const limits = { minParagraphs: 2, maxParagraphs: 5, aimedWords: 720, maxWords: 880 };

/**
 * An article of verbatim sentences from the pages, each with its citation: the offsets are those of the page's text, and
 * `text.slice(startOffset, endOffset)` is the sentence. The same pages and brief give the same article.
 */
export function composeArticle(input: MaterialInput): WritingOutcome {
  const { brief } = input;
  const prepared = prepareMaterial(input);
  if (prepared.kind === 'declined') return prepared;
  const { sources, headings, relevance, isTrue, isOnSubject } = prepared;
  const summary = chooseSummary(
    sources.flatMap(({ candidates }) => candidates),
    relevance,
    isTrue,
  );
  // A story goes on from sentence to sentence; only an article bears a gap.
  const passages = sources
    .flatMap(({ kind, candidates }) => listPassages({ candidates, mayGap: kind === 'article' }))
    .filter((passage) => isOnSubject(passage.candidates));
  const sections = choosePassages(passages, headings, relevance, { alreadySaid: summary, limits, isTrue });
  if (sections.length < minSections) {
    const reason = `The gathered sources carry only ${sections.length} of the ${minSections} parts that an article on "${brief.title}" needs.`;
    return { kind: 'declined', reason };
  }
  const article = assemble(summary, sections, sources);
  const words = article.sections.flatMap(({ paragraphs }) => paragraphs.flat()).reduce((sum, { text }) => sum + countWords(text), 0);
  if (words < minArticleWords) {
    const reason = `The gathered sources give ${words} words on "${brief.title}"; an article has at least ${minArticleWords}.`;
    return { kind: 'declined', reason };
  }
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
