export { hasPassive } from './passive-voice.ts';
export { splitSentences } from './sentences.ts';
export { countSyllables } from './syllables.ts';
export { foldWord, readWords, splitWords, type Word } from './words.ts';
