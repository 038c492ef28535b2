import { type Citation, plainTextOf, type Section, type Sentence } from '#shared/article-text';
import { type FieldFault, invalid } from '#shared/errors';

/** A paragraph as a person hands it over: plain text, or sentences of which each may name its citations. */
export type ParagraphInput = string | readonly { readonly text: string; readonly citations?: readonly number[] }[];
export type SectionInput = { readonly heading: string; readonly paragraphs: readonly ParagraphInput[] };

export type CitedText = { readonly sections: readonly Section[]; readonly citations: readonly Citation[] };

/** In UTF-16 code units, of the whole text: PostgreSQL's search document has a limit of its own, of 1 MiB. */
export const maxTextLength = 200_000;

/** Shorter ones are found in every text, and what finds them all takes long. */
const minKeptLength = 8;

const sentencesOf = (sections: readonly Section[]): Sentence[] => sections.flatMap(({ paragraphs }) => paragraphs.flat());
const ordinalsIn = (sections: readonly Section[]): Set<number> => new Set(sentencesOf(sections).flatMap(({ citations }) => citations));

/**
 * Plain text as sentences: what stands in it word for word as a cited sentence of before keeps its citations, the rest
 * between has none. Of two that begin at the same place, the longer is taken.
 */
export function keepCitations(text: string, cited: readonly Sentence[]): Sentence[] {
  const sentences: Sentence[] = [];
  const addPlain = (from: number, until: number) => {
    const plain = text.slice(from, until).trim();
    if (plain !== '') sentences.push({ text: plain, citations: [] });
  };
  let candidates = cited.map((sentence) => ({ sentence, start: text.indexOf(sentence.text) }));
  let position = 0;
  for (;;) {
    candidates = candidates
      .map((candidate) => (candidate.start < position ? { ...candidate, start: indexFrom(text, candidate, position) } : candidate))
      .filter(({ start }) => start !== -1);
    const [first, ...others] = candidates;
    if (first === undefined) break;
    const { start, sentence } = others.reduce((best, next) => (isEarlier(next, best) ? next : best), first);
    addPlain(position, start);
    sentences.push(sentence);
    position = start + sentence.text.length;
  }
  addPlain(position, text.length);
  return sentences;
}

type Candidate = { readonly sentence: Sentence; readonly start: number };

// Not found once is not found for ever: such a candidate is dropped without looking again.
const indexFrom = (text: string, { sentence, start }: Candidate, position: number): number =>
  start === -1 ? -1 : text.indexOf(sentence.text, position);

const isEarlier = (a: Candidate, b: Candidate): boolean =>
  a.start < b.start || (a.start === b.start && a.sentence.text.length > b.sentence.text.length);

/** @throws AppError `invalid_request` (422) that names each sentence with a citation that is not there */
export function checkCitations({ sections, citations }: CitedText): void {
  const known = new Set(citations.map(({ ordinal }) => ordinal));
  const faults: FieldFault[] = [];
  sections.forEach((section, s) => {
    section.paragraphs.forEach((paragraph, p) => {
      paragraph.forEach((sentence, n) => {
        const unknown = sentence.citations.filter((ordinal) => !known.has(ordinal));
        if (unknown.length === 0) return;
        const path = `/sections/${s}/paragraphs/${p}/${n}/citations`;
        faults.push({ path, message: `there is no citation ${unknown.join(', ')}; there are ${known.size}` });
      });
    });
  });
  if (faults.length > 0) throw invalid('Sentences name citations that are not there.', faults);
  const length = plainTextOf(sections).length;
  if (length > maxTextLength) {
    throw invalid('The text is too long.', [
      { path: '/sections', message: `must NOT have more than ${maxTextLength} characters in all, has ${length}` },
    ]);
  }
}

/** The sections as handed in, with the citations of `before` where its sentences live on or are named. */
export function toSections(input: readonly SectionInput[], before: CitedText): readonly Section[] {
  const cited = sentencesOf(before.sections).filter(({ text, citations }) => citations.length > 0 && text.length >= minKeptLength);
  const sections = input.map(({ heading, paragraphs }) => ({
    heading,
    paragraphs: paragraphs
      .map((paragraph) =>
        typeof paragraph === 'string'
          ? keepCitations(paragraph, cited)
          : paragraph.map(({ text, citations = [] }) => ({ text, citations: [...new Set(citations)] })),
      )
      .filter((sentences) => sentences.length > 0),
  }));
  checkCitations({ sections, citations: before.citations });
  return sections;
}

/** Drops the citations that lost their last sentence and numbers the others from 1 again, in their order. */
export function dropUnusedCitations(before: CitedText, sections: readonly Section[]): CitedText {
  const used = ordinalsIn(sections);
  const usedBefore = ordinalsIn(before.sections);
  const kept = before.citations.filter(({ ordinal }) => used.has(ordinal) || !usedBefore.has(ordinal));
  const numbers = new Map(kept.map(({ ordinal }, index) => [ordinal, index + 1]));
  const renumber = (ordinal: number) => numbers.get(ordinal) ?? ordinal;
  return {
    citations: kept.map((citation) => ({ ...citation, ordinal: renumber(citation.ordinal) })),
    sections: sections.map(({ heading, paragraphs }) => ({
      heading,
      paragraphs: paragraphs.map((sentences) => sentences.map(({ text, citations }) => ({ text, citations: citations.map(renumber) }))),
    })),
  };
}
