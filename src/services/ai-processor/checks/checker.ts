import type { Knowledge, Voice } from '#platform/pack';
import { type CheckName, layOutSections } from '#shared/article-text';
import { createBrandVoiceCheck } from './brand-voice-check.ts';
import { type CheckInput, type CheckOutcome, checkWeights, clampScore, type Quality } from './check-types.ts';
import { createFactReader, type FactFinding, namesOf } from './facts/index.ts';
import { checkFacts } from './facts-check.ts';
import { checkReadability } from './readability-check.ts';
import { checkSeo } from './seo-check.ts';

export type Checker = {
  /** All four checks of an article; positions refer to its plain text. */
  check(input: CheckInput): Quality;
  /** Statements of an English sentence (or a few) that the knowledge contradicts; positions refer to `text`. */
  findContradictions(text: string): FactFinding[];
};

/** Builds the indexes of names and phrases once; the checks themselves are pure and take milliseconds. */
export function createChecker({ knowledge, voice }: { knowledge: Knowledge; voice: Voice }): Checker {
  const readFacts = createFactReader(knowledge);
  const checkBrandVoice = createBrandVoiceCheck(voice, namesOf(knowledge));
  return {
    check(input) {
      const { text, blocks } = layOutSections(input.sections);
      const outcomes: Record<CheckName, CheckOutcome> = {
        facts: checkFacts(readFacts, blocks, input.language),
        brand_voice: checkBrandVoice(text, blocks, input.language),
        readability: checkReadability(blocks, input.language, voice.reading_grade),
        seo: checkSeo(input, text, blocks),
      };
      const names: readonly CheckName[] = ['facts', 'brand_voice', 'readability', 'seo'];
      const checks = names.map((name) => ({ name, weight: checkWeights[name], ...outcomes[name] }));
      return { qualityScore: clampScore(checks.reduce((sum, { score, weight }) => sum + score * weight, 0)), checks };
    },
    findContradictions: (text) =>
      readFacts(text)
        .filter(({ verdict }) => verdict === 'contradicts')
        .map(({ finding }) => finding),
  };
}
