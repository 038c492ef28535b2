import type { TermWeights } from './term-weights.ts';

// Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond" (2009); sentences are short, so length counts little.
const k1 = 1.2;
const b = 0.4;

/** Scores of each document for the query; 0 where nothing matches. */
export function scoreBm25(documents: readonly (readonly string[])[], query: readonly string[], weights: TermWeights): number[] {
  const averageLength = documents.reduce((sum, terms) => sum + terms.length, 0) / Math.max(1, documents.length);
  const queryTerms = [...new Set(query)];
  return documents.map((terms) => {
    const counts = new Map<string, number>();
    for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
    const lengthNorm = k1 * (1 - b + (b * terms.length) / Math.max(1, averageLength));
    return queryTerms.reduce((sum, term) => {
      const count = counts.get(term) ?? 0;
      return count === 0 ? sum : sum + (weights.idfOf(term) * count * (k1 + 1)) / (count + lengthNorm);
    }, 0);
  });
}

/** The share of the query, by weight, whose terms the document has. */
export function coverageOf(document: readonly string[], query: readonly string[], weights: TermWeights): number {
  const present = new Set(document);
  let covered = 0;
  let total = 0;
  for (const term of new Set(query)) {
    const weight = weights.idfOf(term);
    total += weight;
    if (present.has(term)) covered += weight;
  }
  return total === 0 ? 0 : covered / total;
}
