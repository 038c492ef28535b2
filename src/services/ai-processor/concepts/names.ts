import { readTerms, spellingsOf } from '../text/index.ts';
import type { ConceptIndex } from './concept-index.ts';

/** Other words under which what a text names may be found: all names of it, and its words in other spellings. */
export function namesIn(text: string, language: string, concepts: ConceptIndex): string[] {
  const mentions = concepts.findMentions(readTerms(text, language), language);
  const words = language === 'en' ? (text.toLowerCase().match(/[a-z]{4,}/g) ?? []) : [];
  const variants = words.flatMap((word) => spellingsOf(word).filter((spelling) => spelling !== word));
  return [...new Set([...mentions.flatMap(({ concept }) => concept.names), ...variants])];
}
