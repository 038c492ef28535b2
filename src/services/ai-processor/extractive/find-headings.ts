import type { Brief, BriefHeading } from '../generation-types.ts';
import { readTerms } from '../text/index.ts';
import type { Candidate, ReadSource } from './candidates.ts';
import { type LanguageRules, languageRulesOf } from './language-rules.ts';

const maxHeadings = 6;
const minSentences = 3;
const termsOfQuery = 6;

function isUsable(heading: string, { firstPerson, phatic, pointsBackAtStart }: LanguageRules): boolean {
  return /^\p{Lu}[^?!:\d]{3,50}$/u.test(heading) && ![firstPerson, phatic, pointsBackAtStart].some((rule) => rule.test(heading));
}

/** For a brief without headings: those of the parts of its sources that speak most of what is asked. */
export function findHeadings(brief: Brief, sources: readonly ReadSource[]): BriefHeading[] {
  const rules = languageRulesOf(brief.language);
  const sections = new Map<string, Candidate[]>();
  for (const candidate of sources.flatMap((source) => source.candidates)) {
    if (!isUsable(candidate.heading, rules)) continue;
    sections.set(candidate.heading, [...(sections.get(candidate.heading) ?? []), candidate]);
  }
  const asked = new Set(readTerms(`${brief.title} ${brief.query}`, brief.language));
  return [...sections]
    .filter(([, candidates]) => candidates.length >= minSentences)
    .map(([heading, candidates]) => {
      const terms = candidates.flatMap((candidate) => candidate.terms);
      return { heading, terms, score: terms.filter((term) => asked.has(term)).length };
    })
    .toSorted((a, b) => b.score - a.score || b.terms.length - a.terms.length)
    .slice(0, maxHeadings)
    .map(({ heading, terms }) => ({ heading, query: mostFrequent(terms).join(' ') }));
}

function mostFrequent(terms: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, termsOfQuery)
    .map(([term]) => term);
}
