import type { Candidate } from './candidates.ts';

/** Two to four sentences of one paragraph, in its order: a paragraph of the article. */
export type Passage = { readonly candidates: readonly Candidate[] };

const minSentences = 2;
const maxSentences = 4;
const maxGap = 2;

/** May `next` follow `before` directly? What points back, or goes on with a story, needs the very sentence before it. */
function follows(before: Candidate, next: Candidate, mayGap: boolean): boolean {
  if (before.group !== next.group) return false;
  const step = next.position - before.position;
  return step === 1 || (mayGap && !next.isDependent && step <= maxGap);
}

/** All runs of neighbouring sentences that can stand as a paragraph. `mayGap`: one unfit sentence between them may be left out. */
export function listPassages({ candidates, mayGap }: { readonly candidates: readonly Candidate[]; readonly mayGap: boolean }): Passage[] {
  const passages: Passage[] = [];
  for (const [start, first] of candidates.entries()) {
    if (first.isDependent) continue;
    const run = [first];
    for (const next of candidates.slice(start + 1, start + maxSentences)) {
      if (!follows(run.at(-1) ?? first, next, mayGap)) break;
      run.push(next);
      if (run.length >= minSentences) passages.push({ candidates: [...run] });
    }
  }
  return passages;
}
