/**
 * The stemmer of M. F. Porter, "An algorithm for suffix stripping", Program 14 (1980), for English words in lower case.
 * British spellings pass as they are: fertiliser, fertilising and fertilised share a stem.
 */
type Rule = readonly [suffix: string, replacement: string];

const step2: readonly Rule[] = [
  ['ational', 'ate'],
  ['tional', 'tion'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['izer', 'ize'],
  ['iser', 'ise'],
  ['abli', 'able'],
  ['alli', 'al'],
  ['entli', 'ent'],
  ['eli', 'e'],
  ['ousli', 'ous'],
  ['ization', 'ize'],
  ['isation', 'ise'],
  ['ation', 'ate'],
  ['ator', 'ate'],
  ['alism', 'al'],
  ['iveness', 'ive'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['aliti', 'al'],
  ['iviti', 'ive'],
  ['biliti', 'ble'],
];

const step3: readonly Rule[] = [
  ['icate', 'ic'],
  ['ative', ''],
  ['alize', 'al'],
  ['alise', 'al'],
  ['iciti', 'ic'],
  ['ical', 'ic'],
  ['ful', ''],
  ['ness', ''],
];

const step4 = ('ement ance ence able ible ment ant ent ism ate iti ous ive ize ise al er ic ou'.split(' ') as readonly string[]).toSorted(
  (a, b) => b.length - a.length,
);

const isConsonantAt = (word: string, index: number): boolean => {
  const letter = word[index] ?? '';
  if ('aeiou'.includes(letter)) return false;
  return letter !== 'y' || index === 0 || !isConsonantAt(word, index - 1);
};

/** Porter's m: the number of times a vowel is followed by a consonant. */
function measure(stem: string): number {
  let count = 0;
  for (let index = 1; index < stem.length; index += 1) {
    if (isConsonantAt(stem, index) && !isConsonantAt(stem, index - 1)) count += 1;
  }
  return count;
}

const hasVowel = (stem: string): boolean => [...stem].some((_, index) => !isConsonantAt(stem, index));

const endsWithDouble = (stem: string): boolean => stem.length > 1 && stem.at(-1) === stem.at(-2) && isConsonantAt(stem, stem.length - 1);

/** Consonant, vowel, consonant at the end, the last not w, x or y: hop, fil. */
const endsShort = (stem: string): boolean =>
  stem.length > 2 &&
  isConsonantAt(stem, stem.length - 1) &&
  !isConsonantAt(stem, stem.length - 2) &&
  isConsonantAt(stem, stem.length - 3) &&
  !/[wxy]$/.test(stem);

function cutPlural(word: string): string {
  if (word.endsWith('sses') || word.endsWith('ies')) return word.slice(0, -2);
  return word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;
}

function cutPastAndGerund(word: string): string {
  if (word.endsWith('eed')) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  const suffix = word.endsWith('ed') ? 'ed' : word.endsWith('ing') ? 'ing' : '';
  const stem = word.slice(0, word.length - suffix.length);
  if (suffix === '' || !hasVowel(stem)) return word;
  if (/(?:at|bl|iz|is)$/.test(stem)) return `${stem}e`;
  if (endsWithDouble(stem) && !/[lsz]$/.test(stem)) return stem.slice(0, -1);
  return measure(stem) === 1 && endsShort(stem) ? `${stem}e` : stem;
}

function replaceSuffix(word: string, rules: readonly Rule[]): string {
  const rule = rules.find(([suffix]) => word.endsWith(suffix));
  if (rule === undefined) return word;
  const stem = word.slice(0, -rule[0].length);
  return measure(stem) > 0 ? stem + rule[1] : word;
}

function cutDerivation(word: string): string {
  if (word.endsWith('ion')) {
    const stem = word.slice(0, -3);
    return /[st]$/.test(stem) && measure(stem) > 1 ? stem : word;
  }
  const suffix = step4.find((candidate) => word.endsWith(candidate));
  if (suffix === undefined) return word;
  const stem = word.slice(0, -suffix.length);
  return measure(stem) > 1 ? stem : word;
}

function tidy(word: string): string {
  let stem = word;
  if (stem.endsWith('e')) {
    const shorter = stem.slice(0, -1);
    if (measure(shorter) > 1 || (measure(shorter) === 1 && !endsShort(shorter))) stem = shorter;
  }
  return measure(stem) > 1 && stem.endsWith('ll') ? stem.slice(0, -1) : stem;
}

export function stemEnglish(word: string): string {
  if (word.length <= 2) return word;
  let stem = cutPastAndGerund(cutPlural(word));
  if (stem.endsWith('y') && hasVowel(stem.slice(0, -1))) stem = `${stem.slice(0, -1)}i`;
  return tidy(cutDerivation(replaceSuffix(replaceSuffix(stem, step2), step3)));
}
