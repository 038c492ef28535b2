import { readTerms } from '../text/index.ts';
import { type LanguageRules, languageRulesOf } from './language-rules.ts';

/** `dependent`: fit, but only directly after the sentence that stands before it in its source. */
export type Fitness = 'independent' | 'dependent' | 'unfit';

const minWords = 6;
const maxWords = 45;
const beginning = /^["'“‘«„(]*(?:\p{Lu}|\p{N}|\p{Ll}H\s)/u;
const ending = /[\p{L}\p{N}\p{Pe}\p{Pf}"'%°]\.["'”’»)]*$/u;
const wordPattern = /[\p{L}\p{N}]+(?:[’'.,–-][\p{L}\p{N}]+)*/gu;
/** Names of products carry capitals and figures: DS-2, X300. Chemistry does too, and is short: CO2, NO3. */
const modelName = /\b[A-Z]{2,}-\d+\b|\b[A-Z]{1,3}\d{3,}\b/;

export type Surroundings = {
  readonly language: string;
  /** The sentence before it in the same paragraph or list. */
  readonly previous: string | undefined;
  /** It has its paragraph to itself. */
  readonly isAlone: boolean;
  /** The page tells what its writer did. */
  readonly isStory: boolean;
};

function isFragment(text: string, rules: LanguageRules, isAlone: boolean): boolean {
  if (!beginning.test(text) || !ending.test(text)) return true;
  const words = text.match(wordPattern)?.length ?? 0;
  if (words < minWords || words > maxWords) return true;
  if (!isAlone) return false;
  if (rules.imperative?.test(text) === true) return true;
  // A caption, an advertisement or a line of a table: "Tool of the month: an old toothbrush."
  const [, beforeColon, afterColon = ''] = /^([^.:]{2,60}):\s(.*)$/u.exec(text) ?? [];
  if (beforeColon !== undefined && [beforeColon, afterColon].some((part) => rules.finiteVerb?.test(part) !== true)) return true;
  return rules.finiteVerb?.test(text) === false;
}

/** "The film is opened once a day" after "Cling film closes the top": without the first, nobody knows which film. */
function continuesNoun(text: string, previous: string | undefined, rules: LanguageRules, language: string): boolean {
  if (previous === undefined || rules.definiteStart === null) return false;
  const [, first = '', second = ''] = rules.definiteStart.exec(text) ?? [];
  const named = readTerms(`${first} ${second}`, language).slice(0, 1);
  if (named.length === 0) return false;
  const known = new Set(readTerms(previous, language));
  return named.every((term) => known.has(term));
}

/** Its first verb is in the past: it says what happened once, not how things are. */
export function isTale(text: string, rules: LanguageRules): boolean {
  const past = rules.past === null ? -1 : text.search(rules.past);
  const present = rules.present === null ? -1 : text.search(rules.present);
  return past >= 0 && (present < 0 || past < present);
}

/** May this sentence stand in an article that quotes it verbatim, and if so, alone? */
export function judgeSentence(text: string, surroundings: Surroundings): Fitness {
  const { language, previous, isAlone, isStory } = surroundings;
  const rules = languageRulesOf(language);
  if (isFragment(text, rules, isAlone)) return 'unfit';
  if (rules.firstPerson.test(text) || rules.phatic.test(text) || modelName.test(text)) return 'unfit';
  const isOfOne = isTale(text, rules) || rules.particular?.test(text) === true || rules.imperative?.test(text) === true;
  if (isStory && isOfOne) return 'unfit';
  const pointsBack = rules.pointsBackAtStart.test(text) || rules.pointsBackInside.test(text);
  if (pointsBack || continuesNoun(text, previous, rules, language)) return previous === undefined ? 'unfit' : 'dependent';
  return 'independent';
}
