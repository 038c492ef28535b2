import { isDeepStrictEqual } from 'node:util';
import { recordAudit } from '#platform/audit';
import type { Caches } from '#platform/cache';
import type { Transaction } from '#platform/database';
import type { Events } from '#platform/events';
import type { Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { AppError, notFound } from '#shared/errors';
import { articleTag, listsTag, siteTag } from '../site-tags.ts';
import type { Article } from './article.ts';
import { articleDrafted, articleEdited, eventOfAction } from './article-events.ts';
import { lockArticle, updateArticle } from './article-store.ts';
import { indexArticle, removeFromSearch } from './search-store.ts';
import { type ChangeName, type ChangeRecord, insertVersion } from './version-store.ts';

/** What every change of an article goes through: nothing else writes a version, its event or the search index. */
export type ArticleChanges = {
  /** The row of a new article is the caller's to write; this writes what goes with it. */
  recordCreation(tx: Transaction, article: Article, record: ChangeRecord): Promise<void>;
  /**
   * Writes `next` over `before`, whose lock the caller holds: row, version, search, audit and event, in the caller's transaction.
   * @returns the article with its new version
   */
  save(tx: Transaction, before: Article, next: Article, record: ChangeRecord): Promise<Article>;
};

const eventOf = (change: ChangeName): string => {
  if (change === 'draft') return articleDrafted;
  return change === 'edit' || change === 'restore' ? articleEdited : eventOfAction[change];
};

export function createArticleChanges(deps: {
  readonly events: Events;
  readonly caches: Pick<Caches, 'invalidateAfterCommit'>;
  readonly clock: Clock;
  readonly metrics: Metrics;
}): ArticleChanges {
  const { events, caches, clock, metrics } = deps;
  const changed = metrics.counter('aquascene_article_changes_total', 'Changes of articles, by status before and after', [
    'change',
    'from',
    'to',
  ]);

  async function record(tx: Transaction, before: Article | undefined, article: Article, { change, actor, reason }: ChangeRecord) {
    const { id, version, slug, title } = article;
    const from = before?.status ?? 'none';
    await insertVersion(tx, article, { change, actor, reason });
    const details = { version, from, to: article.status, ...(reason !== null && { reason }) };
    const what = { action: `article.${change}`, subject: `article:${id}`, details };
    await recordAudit(tx, { id: clock.newId(), at: article.updatedAt, actor, ...what });
    await events.publish(tx, { type: eventOf(change), aggregateId: id, payload: { contentId: id, slug, title } });
    tx.afterCommit(() => changed.inc({ change, from, to: article.status }));
  }

  return {
    recordCreation: (tx, article, changeRecord) => record(tx, undefined, article, changeRecord),
    async save(tx, before, next, changeRecord) {
      const article = { ...next, version: before.version + 1, updatedAt: clock.now() };
      const hasNewText = !isDeepStrictEqual([before.sections, before.citations], [article.sections, article.citations]);
      await updateArticle(tx, article, { hasNewText });
      if (article.status === 'published') await indexArticle(tx, article);
      else if (before.status === 'published') await removeFromSearch(tx, article.id);
      const tags = outdatedTags(before, article);
      if (tags.length > 0) await caches.invalidateAfterCommit(tx, { cache: 'content', tags });
      await record(tx, before, article, changeRecord);
      return article;
    },
  };
}

/** What of the kept site shows the article otherwise than it is from now on. */
function outdatedTags(before: Article, after: Article): string[] {
  if (before.status === 'published') return [siteTag];
  return after.status === 'published' ? [listsTag, articleTag(after.slug)] : [];
}

/**
 * Locks the article for a change.
 * @throws AppError `not_found`, or `version_conflict` (409) when it is no longer the version that the caller has seen
 */
export async function lockForChange(tx: Transaction, id: string, expectedVersion: number | undefined): Promise<Article> {
  const article = await lockArticle(tx, id);
  if (article === undefined) throw notFound('article', id);
  if (expectedVersion !== undefined && expectedVersion !== article.version) {
    throw new AppError(
      'version_conflict',
      `The article was changed meanwhile: it has version ${article.version}, not ${expectedVersion}. Read it again and repeat the change.`,
      { status: 409, fields: [{ path: '/version', message: `is ${article.version} by now` }] },
    );
  }
  return article;
}
