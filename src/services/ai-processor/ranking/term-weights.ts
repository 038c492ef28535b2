/** How much a term tells, learnt from a collection: rare terms weigh more, unknown ones most. */
export type TermWeights = { idfOf(term: string): number };

export function learnTermWeights(documents: Iterable<readonly string[]>): TermWeights {
  const documentCounts = new Map<string, number>();
  let total = 0;
  for (const terms of documents) {
    total += 1;
    for (const term of new Set(terms)) documentCounts.set(term, (documentCounts.get(term) ?? 0) + 1);
  }
  return {
    idfOf(term) {
      const count = documentCounts.get(term) ?? 0;
      return Math.log(1 + (total - count + 0.5) / (count + 0.5));
    },
  };
}

/** Weights of the terms of one text, scaled to length 1, so that the product of two is their cosine. */
export type TermVector = ReadonlyMap<string, number>;

export function vectorOf(terms: readonly string[], weights: TermWeights): TermVector {
  const vector = new Map<string, number>();
  for (const term of terms) vector.set(term, (vector.get(term) ?? 0) + weights.idfOf(term));
  const length = Math.hypot(...vector.values());
  if (length > 0) for (const [term, weight] of vector) vector.set(term, weight / length);
  return vector;
}

/** 0 where no term is shared, 1 for the same text. */
export function cosine(a: TermVector, b: TermVector): number {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  let product = 0;
  for (const [term, weight] of small) product += weight * (large.get(term) ?? 0);
  return product;
}
