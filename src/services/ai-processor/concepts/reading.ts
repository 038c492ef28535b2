import { readTerms } from '../text/index.ts';
import type { ConceptIndex } from './concept-index.ts';
import type { Concept } from './list-concepts.ts';

/** What a text speaks of: its words, the concepts that it names, and what these are some of. */
export type Reading = {
  readonly terms: readonly string[];
  readonly words: ReadonlySet<string>;
  /** Ids of concepts, of their genera, and of tags. */
  readonly tokens: ReadonlySet<string>;
  /** Classes of the concepts that are named: a text on a tetra is one on a fish, though it need not say so. */
  readonly classes: ReadonlySet<string>;
  /** Species, genera and algae that are named. */
  readonly named: readonly Concept[];
  /** Those of them that a sentence is about: they stand near its beginning. */
  readonly leading: readonly Concept[];
};

// In terms: an article, an adjective or a number may stand before the name.
const lastLeadingTerm = 3;

export function readText(text: string, language: string, concepts: ConceptIndex): Reading {
  const terms = readTerms(text, language);
  const tokens = new Set<string>();
  const classes = new Set<string>();
  const named: Concept[] = [];
  const leading: Concept[] = [];
  for (const { concept, from } of concepts.findMentions(terms, language)) {
    for (const id of [concept.id, ...concept.parents]) tokens.add(id);
    for (const name of concept.classes) for (const term of readTerms(name, language)) classes.add(term);
    if (concept.classes.length === 0) continue;
    named.push(concept);
    if (from < lastLeadingTerm) leading.push(concept);
  }
  for (const { concept } of concepts.findTags(terms, language)) tokens.add(concept.id);
  return { terms, words: new Set(terms), tokens, classes, named, leading };
}

export function joinReadings(readings: readonly Reading[]): Reading {
  return {
    terms: readings.flatMap(({ terms }) => terms),
    words: new Set(readings.flatMap(({ words }) => [...words])),
    tokens: new Set(readings.flatMap(({ tokens }) => [...tokens])),
    classes: new Set(readings.flatMap(({ classes }) => [...classes])),
    named: readings.flatMap(({ named }) => named),
    leading: readings.flatMap(({ leading }) => leading),
  };
}
