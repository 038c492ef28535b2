export { readBlocks, type TextBlock } from './blocks.ts';
export { splitSentences, type TextSpan } from './sentences.ts';
export { spellingsOf } from './spelling.ts';
export { readTerms } from './terms.ts';
