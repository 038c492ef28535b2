export { hasPassive } from './passive-voice.ts';
export { splitProse } from './sentences.ts';
export { countSyllables } from './syllables.ts';
export { foldWord, readWords, splitWords, type Word } from './words.ts';
