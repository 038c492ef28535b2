import { type Concept, type ConceptIndex, readText } from '../concepts/index.ts';
import type { Brief, BriefHeading } from '../generation-types.ts';
import type { Candidate } from './candidates.ts';

export type Foreignness = {
  /** The share of the sentences that are about a species or an alga that nobody asked for. */
  shareOf(run: readonly Candidate[], heading: BriefHeading | null): number;
  /** The heading of the part of the page names another species. */
  isForeignPart(candidate: Candidate, heading: BriefHeading | null): boolean;
};

type Asked = { readonly tokens: ReadonlySet<string>; readonly classes: ReadonlySet<string> };

/** Names of kinds as they stand in the text: "planted" is no plant. */
function kindsIn(text: string): Set<string> {
  return new Set(
    (text.toLowerCase().match(/\p{L}+/gu) ?? []).flatMap((word) => [word, word.replace(/(?<!s)s$/, ''), word.replace(/es$/, '')]),
  );
}

/**
 * A brief asks for some species by name, or for all of a kind. Where it names some of a kind, the others of that kind are foreign to it; where
 * it names the kind alone, none is. Kinds that it does not speak of at all are foreign.
 */
export function createForeignness(brief: Brief, concepts: ConceptIndex): Foreignness {
  const { language } = brief;
  function readAsked(text: string): Asked & { readonly named: ReadonlySet<string> } {
    const reading = readText(text, language, concepts);
    const named = new Set(concepts.findMentions(reading.terms, language).flatMap(({ concept }) => concept.classes));
    return { tokens: reading.tokens, classes: kindsIn(text), named };
  }
  const title = readAsked(brief.title);
  const topic = readAsked(`${brief.title} ${brief.query}`);
  // Title "Cherry shrimp": shrimp are not asked for, only these.
  const closed = title.named;
  const open = (classes: ReadonlySet<string>) => new Set([...classes].filter((name) => !closed.has(name)));
  const known = new Map<BriefHeading | null, Asked>();

  function askedFor(heading: BriefHeading | null): Asked {
    const before = known.get(heading);
    if (before !== undefined) return before;
    const own = heading === null ? undefined : readAsked(`${heading.heading} ${heading.query}`);
    const asked = {
      tokens: new Set([...topic.tokens, ...(own?.tokens ?? [])]),
      classes: open(new Set([...topic.classes, ...(own?.classes ?? [])])),
    };
    known.set(heading, asked);
    return asked;
  }

  const isForeign = (concept: Concept, { tokens, classes }: Asked): boolean =>
    ![concept.id, ...concept.parents].some((id) => tokens.has(id)) && !concept.classes.some((name) => classes.has(name));

  return {
    isForeignPart: ({ part }, heading) => part.named.length > 0 && part.named.every((concept) => isForeign(concept, askedFor(heading))),
    shareOf(run, heading) {
      const asked = askedFor(heading);
      let foreign = 0;
      let isStraying = false;
      for (const { reading } of run) {
        // Until the next name, what follows goes on about the same.
        if (reading.leading.length > 0) isStraying = reading.leading.every((concept) => isForeign(concept, asked));
        const rivals = reading.named.filter(({ classes }) => classes.some((name) => closed.has(name)));
        if (isStraying || (rivals.length > 0 && rivals.every((concept) => isForeign(concept, asked)))) foreign += 1;
      }
      return foreign / Math.max(1, run.length);
    },
  };
}
