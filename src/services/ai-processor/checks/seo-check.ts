import type { Block, ContentType, QualityFinding } from '#shared/article-text';
import { type CheckInput, type CheckOutcome, clampScore } from './check-types.ts';
import { foldWord, readWords } from './language/index.ts';

/** Points of each rule; they add up to 1. */
const points = { title: 0.15, description: 0.15, length: 0.2, headings: 0.15, titleInText: 0.15, density: 0.1, paragraphs: 0.1 } as const;

const titleLength = { min: 30, max: 65 };
const descriptionLength = { min: 70, max: 160 };
const headingLengthMax = 90;
const paragraphWordsMax = 150;
/** From this many words on, a text without headings is hard to find one's way in. */
const wordsThatNeedHeadings = 300;
/** A word may be this share of the words that carry meaning, stop words left out. */
const densityMax = 0.09;
const densityCountMin = 12;

/** Words an article should have at least to answer what was searched for, by its type. */
const minWords: Readonly<Record<ContentType, number>> = { guide: 350, care_sheet: 250, problem: 250, list: 300, news: 120 };

const stopWords = new Set(
  'about above after again all also and any are because been before being below between both but can could did does down during each even every few for from further had has have how into its itself just like many may more most much must new not now off once one only other our out over own same should some such than that the their them then there these they this those through too two under until use used very was well were what when where which while who why will with within without would you your guide list best choose choosing'.split(
    ' ',
  ),
);

type Rule = { readonly points: number /** 0–1 */; readonly met: number; readonly findings: readonly QualityFinding[] };

const about = (
  message: string,
  severity: QualityFinding['severity'] = 'warning',
  start: number | null = null,
  end: number | null = null,
): QualityFinding => ({
  message,
  start,
  end,
  severity,
});

function checkLength(name: string, text: string, range: { min: number; max: number }, share: number): Rule {
  const length = [...text.trim()].length;
  if (length === 0) return { points: share, met: 0, findings: [about(`The ${name} is missing.`, 'error')] };
  if (length >= range.min && length <= range.max) return { points: share, met: 1, findings: [] };
  const off = length < range.min ? (range.min - length) / range.min : (length - range.max) / range.max;
  const message = `The ${name} has ${length} characters; search engines show it best with ${range.min}–${range.max}.`;
  return { points: share, met: Math.max(0, 1 - 1.5 * off), findings: [about(message)] };
}

function checkWordCount(words: number, contentType: ContentType): Rule {
  const wanted = minWords[contentType];
  if (words >= wanted) return { points: points.length, met: 1, findings: [] };
  const message = `The text has ${words} words; a ${contentType.replace('_', ' ')} should have at least ${wanted}.`;
  return { points: points.length, met: words / wanted, findings: [about(message)] };
}

function checkHeadings(blocks: readonly Block[], words: number): Rule {
  const headings = blocks.filter(({ kind }) => kind === 'heading');
  const findings: QualityFinding[] = [];
  let met = 1;
  if (headings.length < 2 && words >= wordsThatNeedHeadings) {
    findings.push(about(`A text of ${words} words needs headings; it has ${headings.length}.`));
    met -= headings.length === 0 ? 1 : 0.5;
  }
  const seen = new Set<string>();
  for (const { text, start } of headings) {
    const key = foldWord(text.trim());
    if (seen.has(key)) {
      findings.push(about(`The heading "${text}" stands twice.`, 'warning', start, start + text.length));
      met -= 0.4;
    }
    seen.add(key);
    if (text.length > headingLengthMax) {
      findings.push(
        about(`This heading has ${text.length} characters; keep it under ${headingLengthMax}.`, 'info', start, start + text.length),
      );
      met -= 0.2;
    }
  }
  return { points: points.headings, met: Math.max(0, met), findings };
}

function contentWords(text: string): string[] {
  return readWords(text)
    .map(foldWord)
    .filter((word) => word.length >= 3 && !stopWords.has(word) && !/^\d/.test(word));
}

/** Light stemming, so that "plants" in the title is met by "plant" in the text. */
const stem = (word: string) => word.replace(/(?:ies|es|s|ing|ed)$/, '').slice(0, 12);

function checkTitleInText(title: string, words: readonly string[]): Rule {
  const inText = new Set(words.map(stem));
  const wanted = [
    ...new Set(
      contentWords(title)
        .flatMap((word) => word.split('-'))
        .filter((word) => word.length >= 3),
    ),
  ];
  const missing = wanted.filter((word) => !inText.has(stem(word)) && !words.some((other) => other.includes(stem(word))));
  const met = wanted.length === 0 ? 0 : 1 - missing.length / wanted.length;
  // A word or two of a title may be play; most of it must be what the text is about.
  if (wanted.length > 0 && met >= 0.6) return { points: points.titleInText, met: 1, findings: [] };
  const message =
    wanted.length === 0
      ? 'The title has no word that a reader would search for.'
      : `The text does not use these words of its title: ${missing.join(', ')}.`;
  return { points: points.titleInText, met, findings: [about(message)] };
}

function checkDensity(words: readonly string[]): Rule {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(stem(word), (counts.get(stem(word)) ?? 0) + 1);
  const [word, count] = [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best), ['', 0]);
  const share = count / Math.max(1, words.length);
  if (count < densityCountMin || share <= densityMax) return { points: points.density, met: 1, findings: [] };
  const message = `"${word}" is ${Math.round(share * 100)} % of the words that carry meaning; it reads as keyword stuffing.`;
  return { points: points.density, met: Math.max(0, 1 - (share - densityMax) / densityMax), findings: [about(message)] };
}

function checkParagraphs(blocks: readonly Block[]): Rule {
  const paragraphs = blocks.filter(({ kind }) => kind === 'paragraph');
  const long = paragraphs.filter(({ text }) => readWords(text).length > paragraphWordsMax);
  const findings = long.map(({ text, start }) =>
    about(
      `A paragraph of ${readWords(text).length} words is hard to read on a phone; part it at ${paragraphWordsMax}.`,
      'info',
      start,
      start + text.length,
    ),
  );
  return { points: points.paragraphs, met: paragraphs.length === 0 ? 0 : 1 - long.length / paragraphs.length, findings };
}

/** Search engine basics: what helps a page to be found and read, by rules of thumb that are the same for every subject. */
export function checkSeo(input: CheckInput, text: string, blocks: readonly Block[]): CheckOutcome {
  const wordCount = readWords(text).length;
  const meaning = contentWords(text);
  const rules = [
    checkLength('title', input.title, titleLength, points.title),
    checkLength('meta description', input.metaDescription, descriptionLength, points.description),
    checkWordCount(wordCount, input.contentType),
    checkHeadings(blocks, wordCount),
    checkTitleInText(input.title, meaning),
    checkDensity(meaning),
    checkParagraphs(blocks),
  ];
  const findings = rules.flatMap((rule) => rule.findings);
  const sameText = input.metaDescription.trim() !== '' && foldWord(input.metaDescription.trim()) === foldWord(input.title.trim());
  if (sameText) findings.push(about('The meta description repeats the title.'));
  if (input.tags?.length === 0) findings.push(about('The article has no tags, so readers cannot find its neighbours.', 'info'));
  const score = rules.reduce((sum, rule) => sum + rule.points * rule.met, 0) - (sameText ? 0.1 : 0);
  // A fragment is no page, however good its title: under half of the wanted length the score falls with the length.
  return { score: clampScore(Math.min(score, (2 * wordCount) / minWords[input.contentType])), findings };
}
