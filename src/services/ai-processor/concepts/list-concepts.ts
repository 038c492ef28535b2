import type { Knowledge, Pack } from '#platform/pack';

/** Something that the publication's knowledge or its tags have names for. */
export type Concept = {
  readonly id: string;
  /** What a reader calls it. */
  readonly label: string;
  readonly names: readonly string[];
  /** What it is one of, in words of the names: a moss and a plant, a shrimp, an alga. Empty for what is one of nothing. */
  readonly classes: readonly string[];
  /** The nearest of these: "moss", not "plant". What is said of all of them may be said of the one. */
  readonly kinds: readonly string[];
  /** The genera of a species. */
  readonly parents: readonly string[];
};

const lastWord = (name: string): string[] => {
  const words = name.split(/\s+/);
  return words.length > 1 ? [(words.at(-1) ?? '').toLowerCase()] : [];
};

const genusOf = (name: string): string[] => /^\p{Lu}\p{Ll}{3,}(?= )/u.exec(name)?.slice(0, 1) ?? [];

function listSpecies({ plants, animals }: Knowledge): Concept[] {
  return [...plants.map((facts) => ({ facts, kind: 'plant' })), ...animals.map((facts) => ({ facts, kind: facts.kind }))].map(
    ({ facts, kind }) => {
      const scientific = [facts.scientific_name, ...facts.synonyms];
      const nouns = [...new Set(facts.common_names.flatMap(lastWord))];
      return {
        id: `species:${facts.id}`,
        label: facts.common_names[0] ?? facts.scientific_name,
        names: [...facts.common_names, ...scientific],
        classes: [...new Set([kind, ...nouns])].filter((word) => word !== 'other'),
        kinds: nouns.filter((noun) => noun !== 'plant'),
        parents: [...new Set(scientific.flatMap(genusOf))].map((genus) => `genus:${genus}`),
      };
    },
  );
}

/** A genus with one species stands for it, one with several for itself. */
function addGenera(species: readonly Concept[]): Concept[] {
  const members = new Map<string, Concept[]>();
  for (const concept of species) {
    for (const genus of concept.parents) members.set(genus, [...(members.get(genus) ?? []), concept]);
  }
  const isShared = (genus: string) => (members.get(genus)?.length ?? 0) > 1;
  const nameOf = (genus: string) => genus.slice('genus:'.length);
  const alone = species.map((concept) => ({
    ...concept,
    names: [...concept.names, ...concept.parents.filter((genus) => !isShared(genus)).map(nameOf)],
    parents: concept.parents.filter(isShared),
  }));
  const shared = [...members]
    .filter(([genus]) => isShared(genus))
    .map(([genus, list]) => {
      const label = nameOf(genus);
      return { id: genus, label, names: [label], classes: [...new Set(list.flatMap(({ classes }) => classes))], kinds: [], parents: [] };
    });
  return [...alone, ...shared];
}

export function listConcepts({ knowledge, tags }: { readonly knowledge: Knowledge; readonly tags: Pack['tags'] }): {
  readonly entries: readonly Concept[];
  readonly tags: readonly Concept[];
} {
  const things = [...knowledge.equipment, ...knowledge.techniques].map(({ id, name, aliases }) => ({
    ...{ id: `thing:${id}`, label: name, names: [name, ...aliases], classes: [], kinds: [], parents: [] },
  }));
  const problems = knowledge.problems.map(({ id, name, aliases, kind }) => ({
    ...{
      id: `problem:${id}`,
      label: name,
      names: [name, ...aliases],
      classes: kind === 'algae' ? [kind] : [],
      kinds: kind === 'algae' ? [kind] : [],
      parents: [],
    },
  }));
  return {
    entries: [...addGenera(listSpecies(knowledge)), ...things, ...problems],
    tags: tags.map(({ slug, name, terms }) => ({
      id: `tag:${slug}`,
      label: name,
      names: [name, ...terms],
      classes: [],
      kinds: [],
      parents: [],
    })),
  };
}
