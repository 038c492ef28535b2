import type { Knowledge } from '#platform/pack';
import type { QualityFinding } from '#shared/article-text';
import { splitProse } from '../language/index.ts';
import { type Claim, isHearsay, type Judgement, type Verdict } from './claim.ts';
import { type Antecedent, antecedentOf, type Clause, splitClauses } from './clauses.ts';
import { readCo2Claims } from './co2-claims.ts';
import { createEquipmentRules, type EquipmentReading, readEquipment } from './equipment-facts.ts';
import { readGroupClaims } from './group-claims.ts';
import { readLightClaims } from './light-claims.ts';
import { findMentions } from './mentions.ts';
import { createNameIndex } from './name-index.ts';
import { fieldOf, readNumericClaims } from './numeric-claims.ts';
import type { Species, Subject } from './subjects.ts';
import { readTraitClaims } from './trait-claims.ts';

/** A contradiction, or a statement borne out, at characters [start, end) of the text that was read. */
export type FactFinding = QualityFinding & {
  readonly start: number;
  readonly end: number;
  /** `id` of the entry in the knowledge, the field there, what the text states and what the knowledge has. */
  readonly entryId: string;
  readonly field: string;
  readonly stated: string;
  readonly known: string;
};

export type FactReading = { readonly verdict: 'contradicts' | 'agrees'; readonly finding: FactFinding };

/** Reads the statements of English prose about known species; those that the knowledge cannot judge are left out. */
export type FactReader = (text: string) => FactReading[];

const readers: readonly ((clause: Clause, sentence: string) => Claim[])[] = [
  readNumericClaims,
  readLightClaims,
  readCo2Claims,
  readTraitClaims,
  readGroupClaims,
];

function verdictOf(judgements: readonly Judgement[]): Verdict {
  if (judgements.every(({ verdict }) => verdict === 'contradicts')) return 'contradicts';
  return judgements.some(({ verdict }) => verdict === 'agrees') ? 'agrees' : 'silent';
}

function messageOf(subject: Subject, species: Species, claim: Claim, known: string, verdict: 'contradicts' | 'agrees'): string {
  const place = `${species.file}, ${species.id}, ${fieldOf(claim, species)}`;
  const of =
    subject.isGenus && subject.members.length > 1 ? `${subject.label} (all ${subject.members.length} known species)` : subject.label;
  return verdict === 'contradicts'
    ? `${of}: the text says "${claim.stated}", but the knowledge says ${known} (${place}).`
    : `${of}: "${claim.stated}" agrees with ${known} (${place}).`;
}

function judgeClaim(claim: Claim, subject: Subject, offset: number): FactReading | undefined {
  const judged = subject.members.map((species) => ({ species, judgement: claim.judge(species) }));
  const verdict = verdictOf(judged.map(({ judgement }) => judgement));
  const shown = judged.find(({ judgement }) => judgement.verdict === verdict);
  if (verdict === 'silent' || !shown) return undefined;
  const { species, judgement } = shown;
  return {
    verdict,
    finding: {
      message: messageOf(subject, species, claim, judgement.known, verdict),
      severity: verdict === 'contradicts' ? 'error' : 'info',
      start: offset + claim.start,
      end: offset + claim.end,
      entryId: species.id,
      field: fieldOf(claim, species),
      stated: claim.stated,
      known: judgement.known,
    },
  };
}

function readSentence(sentence: string, clauses: readonly Clause[], offset: number): FactReading[] {
  if (isHearsay(sentence)) return [];
  return clauses
    .filter(({ subjects }) => subjects.length > 0)
    .flatMap((clause) => readers.flatMap((read) => read(clause, sentence)).map((claim) => ({ clause, claim })))
    .flatMap(({ clause, claim }) => clause.subjects.flatMap((subject) => judgeClaim(claim, subject, offset) ?? []));
}

function findingOfEquipment({ verdict, id, label, known, claim }: EquipmentReading, offset: number): FactReading {
  const place = `equipment.yaml, ${id}, ${claim.field}`;
  const name = label.charAt(0).toUpperCase() + label.slice(1);
  return {
    verdict,
    finding: {
      message:
        verdict === 'contradicts'
          ? `${name}: the text says "${claim.stated}", but the knowledge says ${known} (${place}).`
          : `${name}: "${claim.stated}" agrees with ${known} (${place}).`,
      severity: verdict === 'contradicts' ? 'error' : 'info',
      start: offset + claim.start,
      end: offset + claim.end,
      entryId: id,
      field: claim.field,
      stated: claim.stated,
      known,
    },
  };
}

/** Mostly of another script: numbers there may mean what they mean here, but negations would not be seen. */
function isLatin(sentence: string): boolean {
  const others = sentence.match(/[\p{L}--\p{Script=Latin}]/gv)?.length ?? 0;
  return others * 5 < sentence.length;
}

/** A longer sentence is a table or a list run together, and reading it would take time that grows with its square. */
const maxSentenceLength = 2000;

export function createFactReader(knowledge: Knowledge): FactReader {
  const index = createNameIndex(knowledge);
  const equipment = createEquipmentRules(knowledge);
  return (text) => {
    const readings: FactReading[] = [];
    let previous: Antecedent | undefined;
    for (const sentence of splitProse(text, 'en')) {
      if (sentence.text.length > maxSentenceLength || !isLatin(sentence.text)) {
        previous = undefined;
        continue;
      }
      readings.push(...readEquipment(equipment, sentence.text).map((reading) => findingOfEquipment(reading, sentence.start)));
      const mentions = findMentions(index, sentence.text);
      if (mentions.length === 0 && !previous) continue;
      const clauses = splitClauses(sentence.text, mentions, previous);
      readings.push(...readSentence(sentence.text, clauses, sentence.start));
      previous =
        mentions.length > 0 ? antecedentOf(mentions, clauses) : clauses.some(({ subjects }) => subjects.length > 0) ? previous : undefined;
    }
    return readings;
  };
}
