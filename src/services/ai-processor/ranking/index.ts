export { scoreLexRank } from './lexrank.ts';
export { chooseByMmr } from './mmr.ts';
export { cosine, learnTermWeights, type TermVector, type TermWeights, vectorOf } from './term-weights.ts';
