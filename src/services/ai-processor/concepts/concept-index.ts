import type { Knowledge, Pack } from '#platform/pack';
import { readTerms } from '../text/index.ts';
import { type Concept, listConcepts } from './list-concepts.ts';

/** A concept that is named by the terms [from, to). */
export type Mention = { readonly concept: Concept; readonly from: number; readonly to: number };

export type ConceptIndex = {
  /** The longest names, none inside another; a name that two concepts share is a mention of both. */
  findMentions(terms: readonly string[], language: string): Mention[];
  /** Tags of the publication one of whose terms occurs. A term that is one of the tag's own names says `isName`. */
  findTags(terms: readonly string[], language: string): (Mention & { readonly isName: boolean })[];
};

type Spelling = { readonly concept: Concept; readonly terms: readonly string[]; readonly isName: boolean };
type Spellings = ReadonlyMap<string, readonly Spelling[]>;

// "green hair and black beard algae", "neon and ember tetras": the first name lends its last word from the second.
const longestBorrower = 3;

function startsAt(terms: readonly string[], from: number, wanted: readonly string[]): boolean {
  return wanted.every((term, index) => terms[from + index] === term);
}

function longestAt(spellings: Spellings, terms: readonly string[], from: number): readonly Spelling[] {
  const candidates = spellings.get(terms[from] ?? '') ?? [];
  const found = candidates.filter((spelling) => startsAt(terms, from, spelling.terms));
  const longest = found.reduce((length, spelling) => Math.max(length, spelling.terms.length), 0);
  return found.filter((spelling) => spelling.terms.length === longest);
}

/** Names before `from` that end with the last term of the name that stands there. */
function borrowersBefore(spellings: Spellings, terms: readonly string[], from: number, head: string): Mention[] {
  for (let start = Math.max(0, from - longestBorrower); start < from; start += 1) {
    const borrowed = [...terms.slice(start, from), head];
    const matches = longestAt(spellings, borrowed, 0).filter((spelling) => spelling.terms.length === borrowed.length);
    if (matches.length > 0) return matches.map(({ concept }) => ({ concept, from: start, to: from }));
  }
  return [];
}

function findAll(spellings: Spellings, terms: readonly string[]): (Mention & { isName: boolean })[] {
  const mentions: (Mention & { isName: boolean })[] = [];
  for (let from = 0; from < terms.length; ) {
    const found = longestAt(spellings, terms, from);
    const length = found[0]?.terms.length ?? 0;
    if (length > 1) {
      const head = terms[from + length - 1] ?? '';
      mentions.push(...borrowersBefore(spellings, terms, from, head).map((mention) => ({ ...mention, isName: false })));
    }
    for (const { concept, isName } of found) mentions.push({ concept, from, to: from + length, isName });
    from += Math.max(1, length);
  }
  return mentions;
}

type SpellOptions = {
  readonly language: string;
  /** Names of kinds: "planting" must not be found in every plant. */
  readonly kinds: ReadonlySet<string>;
};

// What is left of "too much CO2" without its little words is another thing.
const leansOnLittleWords = /\s/;
const denies = /\b(?:no|not|without)\s/i;

const isFormOf = (name: string, kind: string): boolean => [kind, `${kind}s`, `${kind}es`].includes(name.toLowerCase());

function spell(concepts: readonly Concept[], { language, kinds }: SpellOptions): Spellings {
  const byFirst = new Map<string, Spelling[]>();
  const whole = new Set(concepts.flatMap(({ names }) => names.map((name) => readTerms(name, language).join(' '))));
  function add(concept: Concept, terms: readonly string[], isName: boolean): void {
    const known = byFirst.get(terms[0] ?? '') ?? [];
    if (known.some((other) => other.concept === concept && other.terms.join(' ') === terms.join(' '))) return;
    byFirst.set(terms[0] ?? '', [...known, { concept, terms, isName }]);
  }
  for (const concept of concepts) {
    for (const name of concept.names) {
      const terms = readTerms(name, language);
      if (terms.length === 0 || (terms.length < 2 && leansOnLittleWords.test(name)) || denies.test(name)) continue;
      const [only = ''] = terms;
      if (terms.length === 1 && kinds.has(only) && !isFormOf(name, only)) continue;
      add(concept, terms, name === concept.label);
      // A zebra nerite snail is called a nerite snail, too.
      const ending = terms.slice(-2);
      if (terms.length > 2 && concept.kinds.length > 0 && !whole.has(ending.join(' '))) add(concept, ending, false);
    }
  }
  return byFirst;
}

/** All that the publication has a name for: what two wordings have in common although they share no word. */
export function createConceptIndex(pack: { readonly knowledge: Knowledge; readonly tags: Pack['tags'] }): ConceptIndex {
  const concepts = listConcepts(pack);
  const inLanguages = new Map<string, { entries: Spellings; tags: Spellings }>();
  function spellingsIn(language: string) {
    const known = inLanguages.get(language);
    if (known !== undefined) return known;
    const kinds = new Set(concepts.entries.flatMap(({ classes }) => classes.flatMap((name) => readTerms(name, language))));
    const built = {
      entries: spell(concepts.entries, { language, kinds: new Set() }),
      tags: spell(concepts.tags, { language, kinds }),
    };
    inLanguages.set(language, built);
    return built;
  }
  return {
    findMentions: (terms, language) => findAll(spellingsIn(language).entries, terms),
    findTags: (terms, language) => findAll(spellingsIn(language).tags, terms),
  };
}
