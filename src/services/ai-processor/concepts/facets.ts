import { readTerms } from '../text/index.ts';
import type { ConceptIndex, Mention } from './concept-index.ts';
import type { Reading } from './reading.ts';

/** One thing that is asked for, whatever it is called. */
export type Facet = {
  /** As it was asked. */
  readonly text: string;
  readonly words: readonly string[];
  /** Concepts that answer it, with how well: 1 is the very thing. */
  readonly tokens: ReadonlyMap<string, number>;
  /** What it is one of: "shrimp" where cherry shrimp are asked for. */
  readonly kinds: readonly string[];
};

const genusStrength = 0.6;
const tagStrength = 0.7;
const classStrength = 0.7;
const wordsOfNameStrength = 0.8;
/** What is said of all of a kind holds for the one that was asked for, but is not about it. */
const kindStrength = 0.45;

function facetOf(mentions: readonly Mention[], tags: readonly Mention[], words: readonly string[], language: string): Facet {
  const tokens = new Map<string, number>();
  for (const { concept } of tags) tokens.set(concept.id, tagStrength);
  for (const { concept } of mentions) {
    for (const genus of concept.parents) tokens.set(genus, genusStrength);
    tokens.set(concept.id, 1);
  }
  const kinds = new Set(mentions.flatMap(({ concept }) => concept.kinds.flatMap((name) => readTerms(name, language))));
  return { text: mentions[0]?.concept.label ?? words.join(' '), words, tokens, kinds: [...kinds] };
}

/** The things that a text asks for: each concept that it names, each tag, and each other word. */
export function readFacets(text: string, language: string, concepts: ConceptIndex): Facet[] {
  const terms = readTerms(text, language);
  const mentions = concepts.findMentions(terms, language);
  const names = concepts.findTags(terms, language).filter(({ isName }) => isName);
  const isTaken = (index: number) => mentions.some(({ from, to }) => from <= index && index < to);
  const tags = names.filter(({ from, to }) => !terms.slice(from, to).some((_, offset) => isTaken(from + offset)));
  const facets = new Map<string, Facet>();
  for (const list of [mentions, tags]) {
    for (const { from, to } of list) {
      const same = list.filter((other) => other.from === from && other.to === to);
      const words = terms.slice(from, to);
      const facet = list === mentions ? facetOf(same, [], words, language) : facetOf([], same, words, language);
      if (!facets.has(facet.text)) facets.set(facet.text, facet);
    }
  }
  const isTagged = (index: number) => tags.some(({ from, to }) => from <= index && index < to);
  for (const [index, term] of terms.entries()) {
    if (isTaken(index) || isTagged(index) || facets.has(term)) continue;
    facets.set(term, { text: term, words: [term], tokens: new Map(), kinds: [] });
  }
  return [...facets.values()];
}

/** How far a reading answers a facet, 0 to 1. */
export function strengthOf(facet: Facet, { words, tokens, classes }: Reading): number {
  let best = 0;
  for (const [token, strength] of facet.tokens) if (tokens.has(token)) best = Math.max(best, strength);
  if (best === 1) return 1;
  const isNamed = facet.kinds.length > 0 || facet.tokens.size > 0;
  if (facet.words.every((word) => words.has(word))) best = Math.max(best, isNamed && facet.words.length > 1 ? wordsOfNameStrength : 1);
  if (facet.words.length === 1 && classes.has(facet.words[0] ?? '')) best = Math.max(best, classStrength);
  if (facet.kinds.some((kind) => words.has(kind))) best = Math.max(best, kindStrength);
  return best;
}
