import type { Species } from './subjects.ts';

export type Verdict = 'contradicts' | 'agrees' | 'silent';

/** What the knowledge says of one species about a statement; `known` is worded for the message. */
export type Judgement = { readonly verdict: Verdict; readonly known: string };

/** A statement read from a clause, at characters [start, end) of the sentence, that can be held against any species. */
export type Claim = {
  /** The field of the knowledge, as it is called in the YAML file. */
  readonly field: string;
  readonly stated: string;
  readonly start: number;
  readonly end: number;
  readonly judge: (species: Species) => Judgement;
};

export const silent: Judgement = { verdict: 'silent', known: '' };

export function judgement(contradicts: boolean, agrees: boolean, known: string): Judgement {
  return { verdict: contradicts ? 'contradicts' : agrees ? 'agrees' : 'silent', known };
}

/** "not_required" as a reader would write it. */
export const plainWords = (value: string) => value.replace(/_/g, ' ');

/** Speaks of a belief, a mistake or a question: nothing is stated as true. */
const hearsay =
  /\?\s*$|\b(?:myths?|rumou?rs?|believe[sd]?|belief|legend|supposed(?:ly)?|alleged(?:ly)?|so-called|nonsense|untrue|false|wrong(?:ly)?|mistaken(?:ly)?|misconceptions?|contrary to|said to|claim(?:s|ed)? that|(?:the|a|this|that) claim|often told|some say|people say|shops? say|told me|thought)\b/i;

export function isHearsay(sentence: string): boolean {
  return hearsay.test(sentence);
}
