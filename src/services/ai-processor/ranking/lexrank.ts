import { cosine, type TermVector } from './term-weights.ts';

const similarityThreshold = 0.1;
const damping = 0.85;
const maxIterations = 50;
const tolerance = 1e-6;

/**
 * LexRank (Erkan and Radev, JAIR 22, 2004): a sentence is central when central sentences resemble it. Power iteration over the graph of
 * sentences whose cosine passes a threshold, weighted by it. The most central has 1.
 */
export function scoreLexRank(vectors: readonly TermVector[]): number[] {
  const size = vectors.length;
  if (size === 0) return [];
  const edges: { readonly to: number; readonly weight: number }[][] = vectors.map(() => []);
  for (const [i, a] of vectors.entries()) {
    for (let j = i + 1; j < size; j += 1) {
      const weight = cosine(a, vectors[j] ?? new Map());
      if (weight < similarityThreshold) continue;
      edges[i]?.push({ to: j, weight });
      edges[j]?.push({ to: i, weight });
    }
  }
  const degrees = edges.map((list) => list.reduce((sum, { weight }) => sum + weight, 0));
  let ranks = new Array<number>(size).fill(1 / size);
  for (let iteration = 0; iteration < maxIterations; iteration += 1) {
    const next = new Array<number>(size).fill((1 - damping) / size);
    for (const [from, list] of edges.entries()) {
      const share = (damping * (ranks[from] ?? 0)) / Math.max(degrees[from] ?? 0, Number.EPSILON);
      for (const { to, weight } of list) next[to] = (next[to] ?? 0) + share * weight;
    }
    const change = next.reduce((sum, rank, index) => sum + Math.abs(rank - (ranks[index] ?? 0)), 0);
    ranks = next;
    if (change < tolerance) break;
  }
  const best = Math.max(...ranks);
  return ranks.map((rank) => rank / best);
}
