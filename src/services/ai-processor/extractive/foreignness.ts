import { type Concept, type ConceptIndex, readText } from '../concepts/index.ts';
import type { Brief, BriefHeading } from '../generation-types.ts';
import type { Candidate } from './candidates.ts';

export type Foreignness = {
  /** The share of the sentences that are about a species or an alga that nobody asked for. */
  shareOf(run: readonly Candidate[], heading: BriefHeading | null): number;
  /** The heading of the part of the page names another species. */
  isForeignPart(candidate: Candidate, heading: BriefHeading | null): boolean;
};

/** `ids`: what is named; `genera`: of the species that are named. */
type Asked = { readonly ids: ReadonlySet<string>; readonly genera: ReadonlySet<string>; readonly classes: ReadonlySet<string> };

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
    const { terms } = readText(text, language, concepts);
    const named = concepts.findMentions(terms, language).map(({ concept }) => concept);
    return {
      ids: new Set(named.map(({ id }) => id)),
      genera: new Set(named.flatMap(({ parents }) => parents)),
      classes: kindsIn(text),
      named: new Set(named.flatMap(({ classes }) => classes)),
    };
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
      ids: new Set([...topic.ids, ...(own?.ids ?? [])]),
      genera: new Set([...topic.genera, ...(own?.genera ?? [])]),
      classes: open(new Set([...topic.classes, ...(own?.classes ?? [])])),
    };
    known.set(heading, asked);
    return asked;
  }

  const isAsked = (concept: Concept, { ids, classes }: Asked): boolean =>
    [concept.id, ...concept.parents].some((id) => ids.has(id)) || concept.classes.some((name) => classes.has(name));

  /** Names others and nothing that was asked. The genus of an asked species is neither: "Caridina bee shrimp" are no Amano shrimp. */
  function isAboutOthers(named: readonly Concept[], asked: Asked): boolean {
    const telling = named.filter(({ id }) => !asked.genera.has(id) || asked.ids.has(id));
    return telling.length > 0 && !telling.some((concept) => isAsked(concept, asked));
  }

  return {
    isForeignPart: ({ part }, heading) => isAboutOthers(part.named, askedFor(heading)),
    shareOf(run, heading) {
      const asked = askedFor(heading);
      let foreign = 0;
      let isStraying = false;
      for (const { reading } of run) {
        // Until the next name, what follows goes on about the same.
        if (reading.leading.length > 0) isStraying = isAboutOthers(reading.leading, asked);
        const rivals = reading.named.filter(({ classes }) => classes.some((name) => closed.has(name)));
        if (isStraying || isAboutOthers(rivals, asked)) foreign += 1;
      }
      return foreign / Math.max(1, run.length);
    },
  };
}
