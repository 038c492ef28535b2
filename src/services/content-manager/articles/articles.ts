import type { Caches } from '#platform/cache';
import type { RegisterRoutes } from '#platform/http-server';
import type { Pack } from '#platform/pack';
import type { ServiceDependencies, ServiceModule } from '#platform/service';
import { notFound } from '#shared/errors';
import type { ArticleStatus } from '../article-types.ts';
import type { Article, ArticleSummary, PublishedArticle } from './article.ts';
import { createArticleChanges } from './article-changes.ts';
import { publishScheduled } from './article-jobs.ts';
import * as lists from './article-list-store.ts';
import { registerArticles } from './article-routes.ts';
import { findArticleById } from './article-store.ts';
import { createAutoApproval } from './auto-approval.ts';
import { type CreateDraft, createDrafting } from './drafting.ts';
import { createEditing, type Editing } from './editing.ts';
import { createManualArticles } from './manual-articles.ts';
import { createPublication } from './publication.ts';
import { createTaxonomy } from './taxonomy.ts';
import { registerTransitions } from './transition-routes.ts';
import { createTransitions, type Transitions } from './transitions.ts';
import { registerVersions } from './version-routes.ts';
import { registerWorkspace } from './workspace-routes.ts';
import { readWorkspaceSettings, saveWorkspaceSettings, type WorkspaceSettings } from './workspace-settings.ts';

export type ArticlesDependencies = ServiceDependencies & {
  readonly caches: Pick<Caches, 'invalidateAfterCommit'>;
  /** `baseUrl` without a slash at its end. */
  readonly site: { readonly baseUrl: string };
  readonly pack: Pick<Pack, 'categories' | 'tags'>;
};

export type Articles = Omit<Transitions, 'take'> &
  Editing & {
    readonly createDraft: CreateDraft;
    /** Of any status. @throws AppError `not_found` */
    getArticle(id: string): Promise<Article>;
    /** Undefined when no published article has the id. */
    findArticle(id: string): Promise<PublishedArticle | undefined>;
    listArticles(filter: lists.ArticleFilter): Promise<ArticleSummary[]>;
    listPublished(filter: lists.PublishedFilter): Promise<PublishedArticle[]>;
    findTitles(ids: readonly string[]): Promise<{ id: string; title: string }[]>;
    countByStatus(): Promise<Readonly<Record<ArticleStatus, number>>>;
    /** Articles in review that the automatic approval will still move. */
    countAwaitingAutoApproval(): Promise<number>;
    publishDue(): Promise<number>;
    getWorkspaceSettings(): Promise<WorkspaceSettings>;
    saveWorkspaceSettings(change: Partial<WorkspaceSettings>, actor: string): Promise<WorkspaceSettings>;
    readonly routes: RegisterRoutes;
    readonly work: Pick<ServiceModule, 'jobs' | 'subscriptions' | 'schedules'>;
  };

export function createArticles(deps: ArticlesDependencies): Articles {
  const { database, jobs, events, clock, metrics, site } = deps;
  const taxonomy = createTaxonomy(deps.pack);
  const changes = createArticleChanges({ events, caches: deps.caches, clock, metrics });
  const createDraft = createDrafting({ clock, taxonomy, changes });
  const createManually = createManualArticles({ database, createDraft });
  const editing = createEditing({ database, changes, taxonomy });
  const transitions = createTransitions({ database, jobs, clock, changes });
  const autoApproval = createAutoApproval({ database, jobs, transitions });
  const publication = createPublication({ database, clock, transitions });
  const settings = {
    getWorkspaceSettings: () => readWorkspaceSettings(database),
    saveWorkspaceSettings: (change: Partial<WorkspaceSettings>, actor: string) =>
      saveWorkspaceSettings({ database, jobs, clock }, change, actor),
  };
  const { take: _take, ...verbs } = transitions;

  return {
    ...verbs,
    ...editing,
    ...settings,
    createDraft,
    async getArticle(id) {
      const article = await findArticleById(database, id);
      if (article === undefined) throw notFound('article', id);
      return article;
    },
    findArticle: (id) => lists.findPublished(database, site.baseUrl, id),
    listArticles: (filter) => lists.listArticles(database, filter),
    listPublished: (filter) => lists.listPublished(database, site.baseUrl, filter),
    findTitles: (ids) => lists.findTitles(database, ids),
    countByStatus: () => lists.countByStatus(database),
    countAwaitingAutoApproval: autoApproval.countAwaiting,
    publishDue: publication.publishDue,
    routes: (app) => {
      registerArticles(app, { database, taxonomy, editing, createManually });
      registerTransitions(app, transitions);
      registerVersions(app, { database, editing });
      registerWorkspace(app, settings);
    },
    work: {
      jobs: [...publication.jobs, autoApproval.job],
      subscriptions: [autoApproval.subscription],
      schedules: [{ definition: publishScheduled, cron: '* * * * *' }],
    },
  };
}
