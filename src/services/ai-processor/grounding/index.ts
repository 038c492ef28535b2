export type { NameGroup } from './check-grounding.ts';
export { type GroundInput, groundArticle } from './ground-article.ts';
