export type { Draft } from './article-types.ts';
export type { Article, PublishedArticle, WorkspaceSettings } from './articles/index.ts';
export { type ContentManager, type ContentManagerDependencies, createContentManager } from './content-manager.ts';
export type { SiteConfig } from './site/index.ts';
