import type { Brief, BriefHeading } from '../generation-types.ts';
import { readTerms } from '../text/index.ts';
import type { Candidate, ReadSource } from './candidates.ts';
import { type LanguageRules, languageRulesOf } from './language-rules.ts';
import type { Passage } from './passages.ts';
import type { Topic } from './topic.ts';
import { coverageBy, meanOf } from './weighed-facets.ts';

const maxHeadings = 5;
const minSentences = 2;
const wordsOfQuery = 6;
const bonusOfNamingHeading = 3;
// Of the sentences of a part, or of its heading or its page's title.
const minOnTopic = 0.4;

type Part = { readonly heading: string; readonly candidates: readonly Candidate[]; readonly place: number };

function isUsable(heading: string, { firstPerson, phatic }: LanguageRules): boolean {
  return /^\p{Lu}[^?!:|\d]{3,50}$/u.test(heading) && ![firstPerson, phatic].some((rule) => rule.test(heading));
}

/** The parts of the pages, those of the same name together; `place` is how far down its page a part stands, 0 to 1. */
function listParts(sources: readonly ReadSource[], rules: LanguageRules): Part[] {
  const parts = new Map<string, Part>();
  for (const { page, candidates } of sources) {
    for (const candidate of candidates) {
      const { heading } = candidate;
      if (!isUsable(heading, rules)) continue;
      const known = parts.get(heading) ?? { heading, candidates: [], place: candidate.start / Math.max(1, page.text.length) };
      parts.set(heading, { ...known, candidates: [...known.candidates, candidate] });
    }
  }
  return [...parts.values()];
}

/**
 * For a brief without headings: those of the parts of its sources that say most of what is asked, in the order in which pages tell it. Only
 * what can be quoted counts.
 */
export function findHeadings(brief: Brief, sources: readonly ReadSource[], passages: readonly Passage[], topic: Topic): BriefHeading[] {
  const { language } = brief;
  const quotable = new Set(passages.flatMap(({ candidates }) => candidates));
  const strengthIn = (reading: Candidate['reading']) => coverageBy(topic.facets, reading);
  const ofTitles = sources.map(({ title }) => strengthIn(title));
  function rate(part: Part): Part & { readonly onTopic: number; readonly score: number } {
    const { candidates } = part;
    const naming = candidates.reduce((sum, { reading }) => sum + strengthIn(reading), 0);
    const inHeading = candidates.slice(0, 1).reduce((_, candidate) => strengthIn(candidate.part), 0);
    const inTitle = Math.max(0, ...candidates.map(({ source }) => ofTitles[source] ?? 0));
    const onPages = meanOf(candidates.map(({ source }) => topic.scoreOfPage(source)));
    return {
      ...part,
      onTopic: Math.max(naming / candidates.length, inHeading, inTitle),
      score: onPages * (naming + bonusOfNamingHeading * inHeading + candidates.length / 10),
    };
  }
  return listParts(sources, languageRulesOf(language))
    .map((part) => ({ ...part, candidates: part.candidates.filter((candidate) => quotable.has(candidate)) }))
    .filter(({ candidates }) => candidates.length >= minSentences)
    .map(rate)
    .filter(({ onTopic }) => onTopic >= minOnTopic)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, maxHeadings)
    .toSorted((a, b) => a.place - b.place)
    .map(({ heading, candidates }) => ({
      heading,
      query: mostFrequentWords(candidates.map(({ text }) => text).join(' '), language).join(' '),
    }));
}

/** The words that come most often, in the form in which they come first. */
function mostFrequentWords(text: string, language: string): string[] {
  const counts = new Map<string, { readonly word: string; count: number }>();
  for (const [word] of text.toLowerCase().matchAll(/\p{L}{3,}/gu)) {
    const [term] = readTerms(word, language);
    if (term === undefined) continue;
    const known = counts.get(term) ?? { word, count: 0 };
    known.count += 1;
    counts.set(term, known);
  }
  return [...counts.values()]
    .toSorted((a, b) => b.count - a.count)
    .slice(0, wordsOfQuery)
    .map(({ word }) => word);
}
