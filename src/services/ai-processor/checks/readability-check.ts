import type { Voice } from '#platform/pack';
import type { Block, QualityFinding } from '#shared/article-text';
import { type CheckOutcome, clampScore, isEnglish } from './check-types.ts';
import { countSyllables, readWords, splitProse } from './language/index.ts';
import {
  automatedReadabilityIndex,
  colemanLiauIndex,
  countText,
  fleschKincaidGrade,
  fleschReadingEase,
  gradeOfRix,
  gunningFog,
  lix,
  rix,
  smogGrade,
  type TextCounts,
} from './readability-formulas.ts';

/** Below this the formulas say nothing. */
const minWords = 30;
/** A text this many grades outside the wanted band scores 0. */
const gradesToZero = 8;
const maxHardSentences = 3;
/** RIX counts long words, which most languages have more of than English and Swedish, for which it was made. */
const gradesForLongerWords = 2;

type Grade = { readonly grade: number; readonly figures: string };

function gradeEnglish(counts: TextCounts): Grade {
  const grades = {
    'Flesch–Kincaid': fleschKincaidGrade(counts),
    'Gunning fog': gunningFog(counts),
    SMOG: smogGrade(counts),
    'Coleman–Liau': colemanLiauIndex(counts),
    ARI: automatedReadabilityIndex(counts),
  };
  const sorted = Object.values(grades).sort((a, b) => a - b);
  const figures = Object.entries(grades).map(([name, value]) => `${name} ${value.toFixed(1)}`);
  // The median: names of species are long and push the formulas that count syllables or letters, each in its own way.
  return { grade: sorted[2] ?? 0, figures: `Flesch reading ease ${fleschReadingEase(counts).toFixed(0)}, ${figures.join(', ')}` };
}

function gradeAnyLanguage(counts: TextCounts): Grade {
  return { grade: gradeOfRix(rix(counts)), figures: `LIX ${lix(counts).toFixed(0)}, RIX ${rix(counts).toFixed(1)}` };
}

/** How hard a sentence is to read, as a grade of its own; comparable only within one language. */
function sentenceGrade(text: string, english: boolean): number {
  const words = readWords(text);
  if (words.length < 8) return 0;
  if (!english) return words.length + (100 * words.filter((word) => word.length > 6).length) / words.length;
  return 0.39 * words.length + 11.8 * (words.reduce((sum, word) => sum + countSyllables(word), 0) / words.length) - 15.59;
}

function findHardSentences(blocks: readonly Block[], language: string, maxGrade: number): QualityFinding[] {
  const english = isEnglish(language);
  const limit = english ? maxGrade + 5 : 70;
  return blocks
    .filter(({ kind }) => kind === 'paragraph')
    .flatMap((block) =>
      splitProse(block.text, language).map((sentence) => ({
        start: block.start + sentence.start,
        end: block.start + sentence.start + sentence.text.length,
        words: readWords(sentence.text).length,
        grade: sentenceGrade(sentence.text, english),
      })),
    )
    .filter(({ grade }) => grade > limit)
    .sort((a, b) => b.grade - a.grade)
    .slice(0, maxHardSentences)
    .map(({ start, end, words, grade }) => ({
      message: english
        ? `This sentence of ${words} words is among the hardest to read (grade ${grade.toFixed(0)}); part it or use shorter words.`
        : `This sentence of ${words} words is among the hardest to read; part it or use shorter words.`,
      start,
      end,
      severity: 'warning',
    }));
}

/**
 * Reading grade against the voice's band: the median of five formulas in English, RIX in other languages. Inside the band the
 * score is 1; it falls by one eighth a grade outside.
 */
export function checkReadability(blocks: readonly Block[], language: string, band: Voice['reading_grade']): CheckOutcome {
  const paragraphs = blocks.filter(({ kind }) => kind === 'paragraph').map(({ text }) => text);
  const counts = countText(paragraphs, language);
  if (counts.words < minWords) {
    const message = `With ${counts.words} words the text is too short to measure its reading grade.`;
    return { score: 0, findings: [{ message, start: null, end: null, severity: 'info' }] };
  }
  const english = isEnglish(language);
  const { grade, figures } = english ? gradeEnglish(counts) : gradeAnyLanguage(counts);
  const max = english ? band.max : band.max + gradesForLongerWords;
  const distance = grade > max ? grade - max : Math.max(0, band.min - grade);
  const place = distance === 0 ? 'within' : grade > max ? 'above' : 'below';
  const average = (counts.words / counts.sentences).toFixed(1);
  const summary: QualityFinding = {
    message: `Reading grade ${grade.toFixed(1)} is ${place} the wanted ${band.min}–${max} (${figures}; ${average} words a sentence).`,
    start: null,
    end: null,
    severity: distance > 2 ? 'warning' : 'info',
  };
  return { score: clampScore(1 - distance / gradesToZero), findings: [summary, ...findHardSentences(blocks, language, band.max)] };
}
