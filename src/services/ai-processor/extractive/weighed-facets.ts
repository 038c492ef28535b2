import { type Facet, type Reading, strengthOf } from '../concepts/index.ts';
import type { Candidate } from './candidates.ts';

export type WeighedFacet = {
  readonly facet: Facet;
  /** How much it tells: what few paragraphs have weighs more, what none has most. */
  readonly weight: number;
  /** Some paragraph has it. */
  readonly isKnown: boolean;
};

const minStrength = 0.5;

/** The first quotable sentence of each paragraph, for what all of it shares. */
export function listParagraphs(candidates: readonly Candidate[]): Candidate[] {
  return [...new Map(candidates.toReversed().map((candidate) => [candidate.group, candidate])).values()].toReversed();
}

export function weighFacets(facets: readonly Facet[], paragraphs: readonly Reading[]): WeighedFacet[] {
  const total = paragraphs.length;
  return facets.map((facet) => {
    const count = paragraphs.filter((reading) => strengthOf(facet, reading) >= minStrength).length;
    return { facet, weight: Math.log(1 + (total - count + 0.5) / (count + 0.5)), isKnown: count > 0 };
  });
}

/** The share of what is asked, by weight, that is answered; `strength` says how far one facet is. */
export function coverageOf(facets: readonly WeighedFacet[], strength: (facet: Facet, index: number) => number): number {
  let covered = 0;
  let total = 0;
  for (const [index, { facet, weight }] of facets.entries()) {
    total += weight;
    covered += weight * strength(facet, index);
  }
  return total === 0 ? 0 : covered / total;
}

export const coverageBy = (facets: readonly WeighedFacet[], reading: Reading): number =>
  coverageOf(facets, (facet) => strengthOf(facet, reading));

export const highestOf = (scores: readonly number[]): number => scores.reduce((best, score) => Math.max(best, score), 0);

export const meanOf = (scores: readonly number[]): number => scores.reduce((sum, score) => sum + score, 0) / Math.max(1, scores.length);
