import type { Voice } from '#platform/pack';
import type { Block, QualityFinding } from '#shared/article-text';
import { type CheckOutcome, clampScore, isEnglish, maxFindingsOfAKind } from './check-types.ts';
import { hasPassive, readWords, splitProse } from './language/index.ts';
import { createPhraseFinder, type PhraseHit } from './phrase-finder.ts';

/** What each fault takes from the score; what is counted is capped, so that one habit alone never empties the score. */
const penalties = {
  bannedPhrase: { each: 0.12, atMost: 0.6 },
  avoidedTerm: { each: 0.03, atMost: 0.2 },
  exclamation: { each: 0.05, atMost: 0.2 },
  shouting: { each: 0.03, atMost: 0.2 },
  person: { each: 0.02, atMost: 0.15 },
  /** These two a share of the sentences: a tenth too much costs a tenth. */
  longSentence: { each: 1, atMost: 0.25 },
  passive: { each: 0.6, atMost: 0.2 },
} as const;

/** Words in capitals that are no shouting anywhere. Those of the subject are learnt from the knowledge. */
const commonAcronyms =
  'AC BC CEO CRI DC DIY DNA EC EDTA DTPA EDDHA EI EU FAQ GH HQI IKEA KH LED LEDS NPK OK PAR PAM PUR PVC RGB RO TDS TV UK UN US USA USB UV UVC VAT WRGB II III IV VI VII VIII IX XI XII';
/** Short words of everyday English that stand in capitals only to shout. */
const shortWords = new Set(
  'ALL AND ANY ARE BIG BUT CAN DO FOR GET HOT IS IT MAX MUST NEW NO NOT NOW ONE OUT SO THE TO TOO TOP WHY YES YOU'.split(' '),
);

type Spot = { readonly start: number; readonly end: number };
type SentenceSpot = Spot & { readonly text: string; readonly words: number };

function sum(count: number, rule: { each: number; atMost: number }): number {
  return Math.min(rule.atMost, count * rule.each);
}

function limitFindings(findings: readonly QualityFinding[], what: string): QualityFinding[] {
  if (findings.length <= maxFindingsOfAKind) return [...findings];
  const message = `${findings.length - maxFindingsOfAKind} more ${what} are not listed.`;
  return [...findings.slice(0, maxFindingsOfAKind), { message, start: null, end: null, severity: 'info' }];
}

function spotsOf(text: string, pattern: RegExp): (Spot & { text: string })[] {
  return [...text.matchAll(pattern)].map((match) => ({ text: match[0], start: match.index, end: match.index + match[0].length }));
}

function sentencesOf(blocks: readonly Block[], language: string): SentenceSpot[] {
  return blocks
    .filter(({ kind }) => kind === 'paragraph')
    .flatMap((block) =>
      splitProse(block.text, language).map((sentence) => {
        const start = block.start + sentence.start;
        return { text: sentence.text, start, end: start + sentence.text.length, words: readWords(sentence.text).length };
      }),
    );
}

function firstPersonPattern(person: Voice['person']): { pattern: RegExp; name: string } | undefined {
  if (person === 'second') return { pattern: /\b(?:I|me|my|mine|myself|I['’](?:m|ve|d|ll))\b/g, name: 'the first person' };
  if (person === 'third') return { pattern: /\b(?:I|me|my|we|us|our|ours|you|your|yours)\b/gi, name: 'the first or second person' };
  return undefined;
}

export type BrandVoiceCheck = (text: string, blocks: readonly Block[], language: string) => CheckOutcome;

type Tally = { readonly findings: readonly QualityFinding[]; readonly penalty: number };

function checkPhrases(hits: readonly PhraseHit<{ message: string }>[], rule: { each: number; atMost: number }, what: string): Tally {
  const distinct = new Set(hits.map(({ entry }) => entry.message)).size;
  const findings = hits.map(({ entry, start, end }): QualityFinding => ({ message: entry.message, start, end, severity: 'warning' }));
  return { findings: limitFindings(findings, what), penalty: sum(distinct, rule) };
}

function checkExclamations(text: string, words: number, perThousand: number): Tally {
  const marks = spotsOf(text, /!+/g);
  const excess = marks.slice(Math.ceil((perThousand * words) / 1000));
  const findings = excess.map(
    ({ start, end }): QualityFinding => ({
      message: `More exclamation marks than the voice's ${perThousand} in 1,000 words; end with a full stop.`,
      start,
      end,
      severity: 'warning',
    }),
  );
  return { findings: limitFindings(findings, 'exclamation marks'), penalty: sum(excess.length, penalties.exclamation) };
}

function checkShouting(text: string, acronyms: ReadonlySet<string>, max: number): Tally {
  const shouted = spotsOf(text, /(?<![\p{L}\p{N}])\p{Lu}{2,}(?![\p{L}\p{N}])/gu).filter(
    (spot) => !acronyms.has(spot.text) && (spot.text.length > 3 || shortWords.has(spot.text)),
  );
  const excess = shouted.slice(max);
  const findings = excess.map(
    (spot): QualityFinding => ({
      message: `"${spot.text}" is in capitals; the voice allows ${max} such words.`,
      start: spot.start,
      end: spot.end,
      severity: 'warning',
    }),
  );
  return { findings: limitFindings(findings, 'words in capitals'), penalty: sum(excess.length, penalties.shouting) };
}

function checkLongSentences(sentences: readonly SentenceSpot[], max: number): Tally {
  const long = sentences.filter(({ words }) => words > max);
  const findings = long.map(
    ({ start, end, words }): QualityFinding => ({
      message: `A sentence of ${words} words; the voice ends it at ${max}.`,
      start,
      end,
      severity: 'warning',
    }),
  );
  return {
    findings: limitFindings(findings, 'long sentences'),
    penalty: sum(long.length / Math.max(1, sentences.length), penalties.longSentence),
  };
}

function checkPassive(sentences: readonly SentenceSpot[], maxShare: number): Tally {
  const passive = sentences.filter(({ text }) => hasPassive(text));
  const share = passive.length / Math.max(1, sentences.length);
  if (sentences.length < 5 || share <= maxShare) return { findings: [], penalty: 0 };
  const percent = (value: number) => `${Math.round(value * 100)} %`;
  const message = `${percent(share)} of the sentences are in the passive; the voice wants at most ${percent(maxShare)}.`;
  return { findings: [{ message, start: null, end: null, severity: 'info' }], penalty: sum(share - maxShare, penalties.passive) };
}

function checkPerson(text: string, person: Voice['person']): Tally {
  const rule = firstPersonPattern(person);
  if (!rule) return { findings: [], penalty: 0 };
  const spots = spotsOf(text, rule.pattern);
  const findings = spots.map(
    (spot): QualityFinding => ({
      message: `"${spot.text}" speaks in ${rule.name}; the voice speaks in the ${person} person.`,
      start: spot.start,
      end: spot.end,
      severity: 'info',
    }),
  );
  return { findings: limitFindings(findings, 'such words'), penalty: sum(spots.length, penalties.person) };
}

/**
 * The check of the house voice. `subjectNames` are names of the knowledge: what stands there in capitals is no shouting here.
 * What depends on English grammar (passive, person) is left out in other languages.
 */
export function createBrandVoiceCheck(voice: Voice, subjectNames: Iterable<string>): BrandVoiceCheck {
  const acronyms = new Set(commonAcronyms.split(' '));
  for (const name of subjectNames) for (const word of name.match(/\p{Lu}{2,}/gu) ?? []) acronyms.add(word);
  const findBanned = createPhraseFinder(
    voice.banned_phrases.map(({ phrase, reason, suggestion }) => ({
      phrase,
      inflects: true,
      message: `"${phrase}" is a banned phrase (${reason}). Instead: ${suggestion}.`,
    })),
  );
  const findAvoided = createPhraseFinder(
    voice.preferred_terms.flatMap(({ avoid, use, case_sensitive: isCaseSensitive = false }) =>
      avoid.map((phrase) => ({ phrase, isCaseSensitive, message: `The voice writes "${use}" instead of "${phrase}".` })),
    ),
  );
  return (text, blocks, language) => {
    const words = readWords(text).length;
    const sentences = sentencesOf(blocks, language);
    const tallies: Tally[] = [
      checkPhrases(findBanned(text), penalties.bannedPhrase, 'banned phrases'),
      checkPhrases(findAvoided(text), penalties.avoidedTerm, 'terms to replace'),
      checkExclamations(text, words, voice.exclamation_marks_per_1000_words_max),
      checkShouting(text, acronyms, voice.all_caps_words_max),
      checkLongSentences(sentences, voice.sentence_words_max),
    ];
    if (isEnglish(language)) tallies.push(checkPassive(sentences, voice.passive_share_max), checkPerson(text, voice.person));
    const penalty = tallies.reduce((total, tally) => total + tally.penalty, 0);
    return { score: clampScore(1 - penalty), findings: tallies.flatMap(({ findings }) => findings) };
  };
}
