export type { Article, PublishedArticle } from './article.ts';
export { type Articles, createArticles } from './articles.ts';
export type { WorkspaceSettings } from './workspace-settings.ts';
