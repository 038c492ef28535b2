import type { Animal, Knowledge, Plant } from '#platform/pack';

/** One entry of the knowledge; `file` and `id` say where an editor finds it. */
export type Species =
  | { readonly kind: 'plant'; readonly id: string; readonly file: 'plants.yaml'; readonly facts: Plant }
  | { readonly kind: 'animal'; readonly id: string; readonly file: 'animals.yaml'; readonly facts: Animal };

/**
 * What a name in a text stands for: one species, or the species of a genus. A statement contradicts a genus only when it
 * contradicts every species of it that is known.
 */
export type Subject = {
  readonly label: string;
  readonly kind: 'plant' | 'animal';
  readonly isGenus: boolean;
  readonly members: readonly Species[];
};

/** A name under which a subject is known; scientific names can be shortened to "A. nana". */
export type SubjectName = { readonly name: string; readonly isScientific: boolean };

const labelOf = (species: Species) => {
  const { common_names: commonNames, scientific_name: scientific } = species.facts;
  const common = commonNames[0] ?? scientific;
  return `${common.charAt(0).toUpperCase()}${common.slice(1)} (${scientific})`;
};

export function namesOfSpecies({ facts }: Species): SubjectName[] {
  return [
    ...[facts.scientific_name, ...facts.synonyms].map((name) => ({ name, isScientific: true })),
    ...facts.common_names.map((name) => ({ name, isScientific: false })),
  ];
}

export function listSpecies({ plants, animals }: Knowledge): Species[] {
  return [
    ...plants.map((facts): Species => ({ kind: 'plant', id: facts.id, file: 'plants.yaml', facts })),
    ...animals.map((facts): Species => ({ kind: 'animal', id: facts.id, file: 'animals.yaml', facts })),
  ];
}

export function subjectOf(species: Species): Subject {
  return { label: labelOf(species), kind: species.kind, isGenus: false, members: [species] };
}

/** The genera of the accepted names and synonyms, each with its species. */
export function listGenera(species: readonly Species[]): Map<string, Subject> {
  const genera = new Map<string, Species[]>();
  for (const entry of species) {
    const names = namesOfSpecies(entry).filter(({ isScientific }) => isScientific);
    for (const genus of new Set(names.map(({ name }) => /^\p{Lu}\p{Ll}+/u.exec(name)?.[0] ?? ''))) {
      if (genus.length > 3) genera.set(genus, [...(genera.get(genus) ?? []), entry]);
    }
  }
  const subjects = new Map<string, Subject>();
  for (const [genus, members] of genera) {
    const kind = members[0]?.kind ?? 'plant';
    if (members.every((member) => member.kind === kind)) subjects.set(genus, { label: genus, kind, isGenus: true, members });
  }
  return subjects;
}

/** What a common name of two words says of the species' genus, if anything: its short form. */
function nicknameIn(name: string, genus: string, epithet: string, commonNames: readonly string[]): string | undefined {
  const [first = '', second = '', ...more] = name.split(' ');
  if (more.length > 0 || second === '') return undefined;
  const isGenus = (word: string) => word.toLowerCase() === genus.toLowerCase();
  const hasTwin = commonNames.some((other) => other.toLowerCase() === `${first} ${genus}`.toLowerCase());
  if (hasTwin && !isGenus(second) && genus.toLowerCase().startsWith(second.slice(0, 3).toLowerCase())) return second;
  return second === epithet && !isGenus(first) ? first : undefined;
}

/**
 * Short words that stand for a genus, read off the common names: "crypt" in "crypt parva" (for Cryptocoryne parva) and "cory" in
 * "bronze cory" (beside "bronze corydoras").
 */
export function listNicknames(species: readonly Species[]): Map<string, string> {
  const nicknames = new Map<string, string>();
  for (const { facts } of species) {
    const scientific = [facts.scientific_name, ...facts.synonyms].map((name) => name.split(' '));
    for (const [genus = '', epithet = ''] of scientific) {
      const found = facts.common_names.flatMap((name) => nicknameIn(name, genus, epithet, facts.common_names) ?? []);
      for (const nickname of found) nicknames.set(nickname, genus);
    }
  }
  return nicknames;
}
