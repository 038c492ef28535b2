export { composeArticle } from './compose-article.ts';
export { type PassageSelection, type SourcePassage, selectPassages } from './select-passages.ts';
