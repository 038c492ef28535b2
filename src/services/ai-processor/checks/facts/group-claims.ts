import { type Claim, judgement, silent } from './claim.ts';
import type { Clause } from './clauses.ts';
import { numberPattern, parseNumber } from './quantities.ts';

const group = new RegExp(
  `\\b(?:groups?|schools?|shoals?|troops?|swarms?|parties|party) of (?:(?:at least|about|around|no fewer than|no less than|only|just|up to|more than|a minimum of) )*(${numberPattern})(?:\\s*(?:–|-|to|or|and)\\s*(${numberPattern}))?`,
  'giu',
);
const atLeast = new RegExp(
  `\\b(?:at least|no fewer than|a minimum of) (${numberPattern})(?= (?:of (?:them|its|their)|fish|animals|individuals|specimens|[\\p{L}]+ (?:tetras?|rasboras?|corydoras|cor(?:y|ies)|danios?|shrimps?|minnows?|loach(?:es)?)))()`,
  'giu',
);
const inPairs =
  /\b(?:kept|keep|lives?|happy|content|fine|housed|do(?:es)? (?:well|best)|best|buy) (?:[\p{L}]+ ){0,3}?(?:in (pairs?|twos)|as (?:a )?pairs?)\b|\bor in (pairs?)\b/gu;
const alone =
  /\b(?:kept|keep|lives?|living|happy|happiest|content|fine|housed|do(?:es)? (?:well|best|fine)|thrives?) (?:[\p{L}]+ ){0,3}?(alone|singly|individually|on (?:its|their) own|as a single (?:fish|animal|specimen)|as single (?:fish|animals|specimens)|by (?:itself|themselves)|solitar(?:y|ily))\b/gu;
/** The small number is called wrong, or it is not a rule but a step, a ratio or a story. */
const exception =
  /\b(?:not|never|cannot|cruel(?:ty)?|too (?:few|small)|should not|must not|shy|stops?|suffers?|become|becomes|avoid|unhappy|lonely|stress\w*|wrong|minimum tank|added?|adding|per|each|every|breed\w*|spawn\w*|males?|females?|more|steps?|another|single species|better|than|while|although|such as|only)\b|n[’']t\b/;

type Count = { readonly low: number; readonly high: number; readonly start: number; readonly end: number };

function findCounts(text: string): Count[] {
  const counts: Count[] = [];
  for (const pattern of [group, atLeast]) {
    for (const match of text.matchAll(pattern)) {
      const low = parseNumber(match[1] ?? '');
      const high = match[2] ? parseNumber(match[2]) : low;
      counts.push({ low, high, start: match.index, end: match.index + match[0].length });
    }
  }
  for (const [pattern, count] of [
    [inPairs, 2],
    [alone, 1],
  ] as const) {
    for (const match of text.matchAll(pattern))
      counts.push({ low: count, high: count, start: match.index, end: match.index + match[0].length });
  }
  return counts.filter(({ low, high }) => Number.isFinite(low) && Number.isFinite(high));
}

/** "a group of ten", "in pairs", "kept singly" against the smallest group in which the animal is kept. */
export function readGroupClaims(clause: Clause, sentence: string): Claim[] {
  const body = clause.text.slice(clause.start, clause.end);
  if (clause.isConditional || !clause.subjects.some(({ kind }) => kind === 'animal') || exception.test(body)) return [];
  return findCounts(clause.text).map(({ low, high, start, end }) => ({
    field: 'minimum_group',
    stated: sentence.slice(start, end),
    start,
    end,
    judge: (species) => {
      if (species.kind !== 'animal') return silent;
      const known = species.facts.minimum_group;
      return judgement(known >= 3 && high <= known / 2, low >= known * 0.8, `groups of at least ${known}`);
    },
  }));
}
