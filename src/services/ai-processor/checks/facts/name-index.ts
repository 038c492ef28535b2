import type { Knowledge } from '#platform/pack';
import { splitWords, type Word } from '../language/index.ts';
import { listGenera, listNicknames, listSpecies, namesOfSpecies, type Subject, subjectOf } from './subjects.ts';

type Entry = { readonly words: readonly string[]; readonly subject: Subject };

export type NameHit = { readonly subject: Subject /** Words [from, to) of the text. */; readonly from: number; readonly to: number };

export type NameIndex = {
  /** The longest name that begins at word `from`. */
  find(words: readonly Word[], text: string, from: number): NameHit | undefined;
  /** The subject of exactly these folded words: used for "neon and ember tetras". */
  lookUp(words: readonly string[]): Subject | undefined;
};

const rankMarks = new Set(['var', 'ssp', 'subsp', 'sp', 'spp', 'cf', 'aff', 'x']);

function pluralsOf(word: string): string[] {
  if (/(?:s|x|z|ch|sh)$/.test(word)) return [word, `${word}es`];
  if (/[^aeiou]y$/.test(word)) return [word, `${word.slice(0, -1)}ies`, `${word}s`];
  return [word, `${word}s`];
}

/** All spellings under which a name is found: with and without rank marks, plural, its last two words as one. */
function spellingsOf(name: string, isScientific: boolean): string[][] {
  const words = splitWords(name).map(({ fold }) => fold);
  const bare = words.filter((word) => !rankMarks.has(word));
  const bases = [words, bare];
  // "Anubias barteri var. barteri" is what most people call Anubias barteri.
  if (isScientific && bare.length === 3 && bare[1] === bare[2]) bases.push(bare.slice(0, 2));
  const spellings: string[][] = [];
  for (const base of bases) {
    const last = base.at(-1) ?? '';
    const head = base.slice(0, -1);
    for (const ending of isScientific && base.length > 1 ? [last] : pluralsOf(last)) {
      spellings.push([...head, ending]);
      const before = head.at(-1);
      if (before !== undefined && !isScientific) spellings.push([...head.slice(0, -1), before + ending]);
    }
    const [genus = '', ...rest] = base;
    if (isScientific && rest.length > 0 && /^\p{Lu}/u.test(name) && (rest[0]?.length ?? 0) > 2)
      spellings.push([`${genus.charAt(0)}.`, ...rest]);
  }
  return spellings;
}

function collectNames(knowledge: Knowledge): Map<string, { words: readonly string[]; subjects: Set<Subject> }> {
  const names = new Map<string, { words: readonly string[]; subjects: Set<Subject> }>();
  const add = (words: readonly string[], subject: Subject, onlyIfFree: boolean) => {
    const key = words.join(' ');
    const known = names.get(key);
    if (!known) names.set(key, { words, subjects: new Set([subject]) });
    else if (!onlyIfFree) known.subjects.add(subject);
  };
  const species = listSpecies(knowledge);
  for (const entry of species) {
    const subject = subjectOf(entry);
    for (const { name, isScientific } of namesOfSpecies(entry)) {
      for (const words of spellingsOf(name, isScientific)) if (words.length > 0) add(words, subject, false);
    }
  }
  const genera = listGenera(species);
  for (const [genus, subject] of genera) for (const words of spellingsOf(genus, false)) add(words, subject, true);
  for (const [nickname, genus] of listNicknames(species)) {
    const subject = genera.get(genus);
    if (subject) for (const words of spellingsOf(nickname, false)) add(words, subject, true);
  }
  return names;
}

/** The word as the index knows it: "A." of "A. nana" keeps its stop, so that the article "a" never begins a name. */
function keyAt(words: readonly Word[], text: string, at: number): string {
  const word = words[at];
  if (!word) return '';
  return word.text.length === 1 && /\p{Lu}/u.test(word.text) && text[word.end] === '.' ? `${word.fold}.` : word.fold;
}

function matches(entry: Entry, words: readonly Word[], text: string, from: number): number | undefined {
  let at = from;
  for (const wanted of entry.words) {
    const word = keyAt(words, text, at);
    if (word === wanted) at += 1;
    else if (word + (words[at + 1]?.fold ?? '') === wanted) at += 2;
    else return undefined;
    const previous = words[at - 2];
    const last = words[at - 1];
    // A name does not run across other marks than blanks, hyphens, quotes and the stop of a shortened word.
    if (at - from > 1 && previous && last && !/^[\s\-‐‑'’‘"“”.×]*$/.test(text.slice(previous.end, last.start))) return undefined;
  }
  return at;
}

/** Built once from the knowledge. A spelling that belongs to two species is left out: it would be a guess. */
export function createNameIndex(knowledge: Knowledge): NameIndex {
  const byFirstWord = new Map<string, Entry[]>();
  const exact = new Map<string, Subject>();
  for (const [key, { words, subjects }] of collectNames(knowledge)) {
    const [subject] = subjects;
    const first = words[0];
    if (!subject || subjects.size > 1 || first === undefined) continue;
    exact.set(key, subject);
    byFirstWord.set(first, [...(byFirstWord.get(first) ?? []), { words, subject }]);
  }
  for (const entries of byFirstWord.values()) entries.sort((a, b) => b.words.length - a.words.length);
  return {
    find(words, text, from) {
      const first = keyAt(words, text, from);
      const joined = first + (words[from + 1]?.fold ?? '');
      let best: NameHit | undefined;
      for (const entry of [...(byFirstWord.get(first) ?? []), ...(byFirstWord.get(joined) ?? [])]) {
        const to = matches(entry, words, text, from);
        if (to !== undefined && (!best || to > best.to)) best = { subject: entry.subject, from, to };
      }
      return best;
    },
    lookUp: (words) => exact.get(words.join(' ')),
  };
}

/** Every name of the knowledge as it is written there. */
export function namesOf(knowledge: Knowledge): string[] {
  const others = [...knowledge.equipment, ...knowledge.techniques, ...knowledge.problems].flatMap(({ name, aliases }) => [
    name,
    ...aliases,
  ]);
  return [...listSpecies(knowledge).flatMap((species) => namesOfSpecies(species).map(({ name }) => name)), ...others];
}
