import type { Database, Transaction } from '#platform/database';
import type { Jobs } from '#platform/jobs';
import type { Clock } from '#shared/clock';
import { invalid } from '#shared/errors';
import type { Article } from './article.ts';
import { type ArticleChanges, lockForChange } from './article-changes.ts';
import { publishScheduled } from './article-jobs.ts';
import type { ChangeOptions } from './editing.ts';
import { actionsToPublication, nextStatus, type WorkflowAction } from './workflow.ts';

type Verb = (id: string, actor: string, options?: ChangeOptions) => Promise<Article>;

/** Each locks the article, and throws `illegal_transition` (409) when its status does not allow the step. */
export type Transitions = {
  readonly submit: Verb;
  readonly approve: Verb;
  readonly unschedule: Verb;
  readonly publish: Verb;
  readonly archive: Verb;
  readonly reopen: Verb;
  reject(id: string, actor: string, reason: string, options?: ChangeOptions): Promise<Article>;
  /** @throws AppError `invalid_request` (422) for a time that is not to come */
  schedule(id: string, actor: string, at: Date, options?: ChangeOptions): Promise<Article>;
  /** Walks the steps that are left, each one a version of its own. What is published already stays as it is. */
  publishNow: Verb;
  /** One step inside the caller's transaction, on an article that it has locked. */
  take(tx: Transaction, article: Article, action: WorkflowAction, actor: string, step?: Step): Promise<Article>;
};

export type Step = { readonly reason?: string | undefined; readonly scheduledAt?: Date };

export function createTransitions(deps: {
  readonly database: Database;
  readonly jobs: Jobs;
  readonly clock: Clock;
  readonly changes: ArticleChanges;
}): Transitions {
  const { database, jobs, clock, changes } = deps;

  function take(tx: Transaction, article: Article, action: WorkflowAction, actor: string, step: Step = {}): Promise<Article> {
    const status = nextStatus(article.status, action);
    const reason = step.reason ?? null;
    const next: Article = {
      ...article,
      status,
      statusReason: reason,
      scheduledAt: step.scheduledAt ?? null,
      publishedAt: action === 'publish' ? (article.publishedAt ?? clock.now()) : article.publishedAt,
    };
    return changes.save(tx, article, next, { change: action, actor, reason });
  }

  const verb =
    (action: WorkflowAction): Verb =>
    (id, actor, { reason, expectedVersion } = {}) =>
      database.transaction(async (tx) => take(tx, await lockForChange(tx, id, expectedVersion), action, actor, { reason }));

  return {
    submit: verb('submit'),
    approve: verb('approve'),
    unschedule: verb('unschedule'),
    publish: verb('publish'),
    archive: verb('archive'),
    reopen: verb('reopen'),
    async reject(id, actor, reason, options = {}) {
      if (reason.trim() === '') throw invalid('A rejection needs a reason.', [{ path: '/reason', message: 'is required' }]);
      return verb('reject')(id, actor, { ...options, reason });
    },
    async schedule(id, actor, at, { reason, expectedVersion } = {}) {
      if (!(at.getTime() > clock.now().getTime())) {
        throw invalid('An article can only be scheduled for a time to come.', [{ path: '/at', message: 'must be in the future' }]);
      }
      return database.transaction(async (tx) => {
        const article = await take(tx, await lockForChange(tx, id, expectedVersion), 'schedule', actor, { reason, scheduledAt: at });
        await jobs.send(tx, publishScheduled, {}, { startAfter: at, singletonKey: at.toISOString() });
        return article;
      });
    },
    publishNow(id, actor, { reason, expectedVersion } = {}) {
      return database.transaction(async (tx) => {
        let article = await lockForChange(tx, id, expectedVersion);
        for (const action of actionsToPublication(article.status)) article = await take(tx, article, action, actor, { reason });
        return article;
      });
    },
    take,
  };
}
