import { countSyllables, readWords, splitProse } from './language/index.ts';

export type TextCounts = {
  readonly sentences: number;
  readonly words: number;
  readonly letters: number;
  readonly syllables: number;
  /** Words of three and more syllables. */
  readonly polysyllables: number;
  /** Polysyllables that count as hard for the fog index: no proper names, no compounds, no verb endings that add the third syllable. */
  readonly hardWords: number;
  /** Words of more than six letters. */
  readonly longWords: number;
};

function isHardWord(word: string, syllables: number, startsSentence: boolean): boolean {
  if (syllables < 3 || word.includes('-') || /^\d/.test(word)) return false;
  if (!startsSentence && /^\p{Lu}/u.test(word)) return false;
  return !(syllables === 3 && /(?:es|ed|ing)$/.test(word));
}

/** Counts what the formulas need. Words without a letter (plain numbers) count as words of one syllable a digit. */
export function countText(blocks: readonly string[], language: string): TextCounts {
  const counts = { sentences: 0, words: 0, letters: 0, syllables: 0, polysyllables: 0, hardWords: 0, longWords: 0 };
  for (const block of blocks) {
    for (const sentence of splitProse(block, language)) {
      const words = readWords(sentence.text);
      if (words.length === 0) continue;
      counts.sentences += 1;
      counts.words += words.length;
      words.forEach((word, index) => {
        const letters = word.replace(/[^\p{L}\p{N}]/gu, '').length;
        const syllables = countSyllables(word);
        counts.letters += letters;
        counts.syllables += syllables;
        if (letters > 6) counts.longWords += 1;
        if (syllables >= 3) counts.polysyllables += 1;
        if (isHardWord(word, syllables, index === 0)) counts.hardWords += 1;
      });
    }
  }
  return counts;
}

/** 0–100 and beyond, higher is easier. R. Flesch, "A new readability yardstick", Journal of Applied Psychology 32 (1948). */
export function fleschReadingEase({ words, sentences, syllables }: TextCounts): number {
  return 206.835 - 1.015 * (words / sentences) - 84.6 * (syllables / words);
}

/** US school grade. J. P. Kincaid, R. P. Fishburne, R. L. Rogers, B. S. Chissom, Research Branch Report 8-75, US Navy (1975). */
export function fleschKincaidGrade({ words, sentences, syllables }: TextCounts): number {
  return 0.39 * (words / sentences) + 11.8 * (syllables / words) - 15.59;
}

/** Years of schooling. R. Gunning, "The Technique of Clear Writing", McGraw-Hill (1952). */
export function gunningFog({ words, sentences, hardWords }: TextCounts): number {
  return 0.4 * (words / sentences + (100 * hardWords) / words);
}

/** Years of schooling, meant for 30 sentences and more. G. H. McLaughlin, "SMOG grading", Journal of Reading 12 (1969). */
export function smogGrade({ sentences, polysyllables }: TextCounts): number {
  return 3.1291 + 1.043 * Math.sqrt(polysyllables * (30 / sentences));
}

/** US school grade by letters alone. M. Coleman, T. L. Liau, Journal of Applied Psychology 60 (1975). */
export function colemanLiauIndex({ letters, words, sentences }: TextCounts): number {
  return 0.0588 * ((100 * letters) / words) - 0.296 * ((100 * sentences) / words) - 15.8;
}

/** US school grade by letters alone. R. J. Senter, E. A. Smith, "Automated Readability Index", AMRL-TR-66-220 (1967). */
export function automatedReadabilityIndex({ letters, words, sentences }: TextCounts): number {
  return 4.71 * (letters / words) + 0.5 * (words / sentences) - 21.43;
}

/** Läsbarhetsindex, for any language in letters: under 30 very easy, over 60 very hard. C. H. Björnsson, "Läsbarhet" (1968). */
export function lix({ words, sentences, longWords }: TextCounts): number {
  return words / sentences + (100 * longWords) / words;
}

/** Long words a sentence, the shorter form of LIX. J. Anderson, "Lix and Rix", Journal of Reading 26 (1983). */
export function rix({ longWords, sentences }: TextCounts): number {
  return longWords / sentences;
}

/**
 * The school grade of a RIX value, by the table of Anderson (1983) as straight lines between its bounds: 0.2 → grade 1, 1.3 → 4,
 * 2.4 → 6, 3.7 → 8, 5.3 → 10, 7.2 → 12.
 */
export function gradeOfRix(value: number): number {
  const bounds: readonly (readonly [number, number])[] = [
    [0, 0],
    [0.2, 1],
    [1.3, 4],
    [2.4, 6],
    [3.7, 8],
    [5.3, 10],
    [7.2, 12],
    [10, 15],
  ];
  for (let index = 1; index < bounds.length; index += 1) {
    const [low, lowGrade] = bounds[index - 1] ?? [0, 0];
    const [high, highGrade] = bounds[index] ?? [low + 1, lowGrade];
    if (value <= high) return lowGrade + ((value - low) / (high - low)) * (highGrade - lowGrade);
  }
  return 15;
}
