import type { SiteDependencies } from './site-types.ts';

export type Vocabulary = ReadonlySet<string>;

const wordsOf = (text: string): string[] => text.toLowerCase().match(/\p{L}+/gu) ?? [];
const minimumLength = 4;

/** The words that the publication's subject is spoken of in. */
export function createVocabulary({ categories, tags, knowledge }: SiteDependencies['pack']): Vocabulary {
  const species = [...knowledge.plants, ...knowledge.animals].flatMap((entry) => [entry.scientific_name, ...entry.common_names]);
  const named = [...knowledge.equipment, ...knowledge.techniques, ...knowledge.problems].flatMap(({ name, aliases }) => [name, ...aliases]);
  const taxa = [...categories.map(({ name }) => name), ...tags.flatMap(({ name, terms }) => [name, ...terms])];
  return new Set([...species, ...named, ...taxa].flatMap(wordsOf).filter((word) => word.length >= minimumLength));
}

/** Damerau–Levenshtein distance (optimal string alignment): letters put in, left out, changed, or two swapped. */
export function editDistance(a: string, b: string): number {
  let [beforeLast, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? (beforeLast[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, change, swap));
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}

function closestTo(word: string, vocabulary: Vocabulary): string | undefined {
  // Short words are near to too many others.
  const limit = word.length <= 5 ? 1 : 2;
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const known of vocabulary) {
    if (Math.abs(known.length - word.length) > limit) continue;
    const distance = editDistance(word, known);
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { word: known, distance };
  }
  return best?.word;
}

/** The query with its unknown words replaced by the nearest known ones; undefined when none is near. */
export function suggestQuery(query: string, vocabulary: Vocabulary): string | undefined {
  let isChanged = false;
  const suggestion = query.replace(/\p{L}+/gu, (given) => {
    const word = given.toLowerCase();
    if (word.length < minimumLength || word.length > 40 || vocabulary.has(word)) return given;
    const closest = closestTo(word, vocabulary);
    if (closest === undefined) return given;
    isChanged = true;
    return closest;
  });
  return isChanged ? suggestion : undefined;
}
