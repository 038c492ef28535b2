import type { BriefHeading, Declined } from '../generation-types.ts';
import { choosePassages } from './choose-passages.ts';
import { type MaterialInput, prepareMaterial } from './prepare-material.ts';

/** A part of a page's text that a model may cite: `text` is `page.text.slice(start, end)`. `id` is what it cites by. */
export type SourcePassage = {
  readonly id: string;
  readonly rawContentId: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly sourceUrl: string;
  readonly sourceTitle: string;
  readonly sourceAuthor: string | null;
};

export type PassageSelection =
  | { readonly kind: 'selected'; readonly passages: readonly SourcePassage[]; readonly headings: readonly BriefHeading[] }
  | Declined;

const limits = { maxParagraphs: 8, minWordsOfSection: 1, aimedWords: 1800, maxWords: 2400 };
const minPassages = 4;
const minHeadings = 2;

/** The passages that a model writes from: chosen as for the extractive writer, only more of them, and without gaps. */
export function selectPassages(input: MaterialInput): PassageSelection {
  const prepared = prepareMaterial(input, { mayGap: false });
  if (prepared.kind === 'declined') return prepared;
  const { sources, headings, relevance, isTrue } = prepared;
  const chosen = choosePassages(prepared.passages, headings, relevance, {
    alreadySaid: [],
    limits,
    language: input.brief.language,
    isTrue,
  });
  const passages = chosen
    .flatMap((section) => section.passages)
    .flatMap(({ candidates }, index) => {
      const [first, last] = [candidates[0], candidates.at(-1)];
      const page = sources[first?.source ?? -1]?.page;
      if (first === undefined || last === undefined || page === undefined) return [];
      const text = page.text.slice(first.start, last.end);
      const origin = { sourceUrl: page.url, sourceTitle: page.title, sourceAuthor: page.author };
      return [{ id: `p${index + 1}`, rawContentId: page.id, start: first.start, end: last.end, text, ...origin }];
    });
  if (passages.length < minPassages || chosen.length < minHeadings) {
    return {
      kind: 'declined',
      reason: `The gathered sources hold ${passages.length} passages on "${input.brief.title}"; that is too few for an article.`,
    };
  }
  return { kind: 'selected', passages, headings: chosen.map(({ heading }) => heading) };
}
