/**
 * The next choice by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): what is relevant and resembles least what was
 * chosen already. `lambda` 1 asks for relevance only. What resembles a chosen one more than `maxSimilarity` is passed over.
 */
export function chooseByMmr<T>(
  candidates: Iterable<T>,
  options: {
    readonly lambda: number;
    readonly maxSimilarity: number;
    readonly relevanceOf: (candidate: T) => number;
    /** Its likeness to whatever was chosen: the highest, 0 to 1. */
    readonly similarityOf: (candidate: T) => number;
  },
): T | undefined {
  let best: T | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const candidate of candidates) {
    const relevance = options.relevanceOf(candidate);
    // Likeness only lowers the score, so it need not be asked for what cannot win.
    if (options.lambda * relevance <= bestScore) continue;
    const similarity = options.similarityOf(candidate);
    if (similarity > options.maxSimilarity) continue;
    const score = options.lambda * relevance - (1 - options.lambda) * similarity;
    if (score > bestScore) [best, bestScore] = [candidate, score];
  }
  return best;
}
