import type { Candidate } from './candidates.ts';
import { languageRulesOf } from './language-rules.ts';
import type { Topic } from './topic.ts';

/** What the sentence says that something is: "Cycling" of "Cycling is the growth of bacteria that …". Undefined for any other sentence. */
export const definedBy = (text: string, language: string): string | undefined => languageRulesOf(language).defines?.exec(text)?.[1];

export function definesTopic({ text }: Candidate, topic: Topic, language: string): boolean {
  const defined = definedBy(text, language);
  return defined !== undefined && topic.isNamedBy(defined);
}
