import type { Transaction } from '#platform/database';
import type { Clock } from '#shared/clock';
import { AppError } from '#shared/errors';
import { checkStorableText } from '#shared/storable-text';
import type { Draft } from '../article-types.ts';
import type { Article } from './article.ts';
import type { ArticleChanges } from './article-changes.ts';
import { findIdByGeneration, insertArticle } from './article-store.ts';
import { checkCitations } from './sections.ts';
import { slugCandidates } from './slug.ts';
import type { Taxonomy } from './taxonomy.ts';

export type CreateDraft = (tx: Transaction, draft: Draft, actor: string) => Promise<{ id: string }>;

/** @returns false when another draft of the same generation was there first */
async function insertWithFreeSlug(tx: Transaction, article: Article): Promise<Article | undefined> {
  for (const slug of slugCandidates(article.title, article.id)) {
    const withSlug = { ...article, slug };
    if (await insertArticle(tx, withSlug)) return withSlug;
    const { generationId } = article;
    if (generationId !== null && (await findIdByGeneration(tx, generationId)) !== undefined) return undefined;
  }
  throw new AppError('slug_taken', `No free address was found for "${article.title}".`, { retryable: true });
}

/**
 * Keeps a draft as version 1. The same generation twice gives the article of the first time, also when both run at once.
 * @throws AppError `invalid_request` for an unknown category, tag or citation, and for text that cannot be stored
 */
export function createDrafting(deps: {
  readonly clock: Clock;
  readonly taxonomy: Taxonomy;
  readonly changes: ArticleChanges;
}): CreateDraft {
  const { clock, taxonomy, changes } = deps;
  return async (tx, draft, actor) => {
    if (draft.generationId !== null) {
      const known = await findIdByGeneration(tx, draft.generationId);
      if (known !== undefined) return { id: known };
    }
    checkStorableText(draft);
    checkCitations(draft);
    taxonomy.check(draft);
    await taxonomy.ensure(tx);
    const at = clock.now();
    const article = await insertWithFreeSlug(tx, {
      ...draft,
      id: clock.newId(),
      slug: '',
      status: 'draft',
      statusReason: null,
      version: 1,
      createdAt: at,
      updatedAt: at,
      scheduledAt: null,
      publishedAt: null,
    });
    if (article === undefined) {
      const first = draft.generationId === null ? undefined : await findIdByGeneration(tx, draft.generationId);
      if (first === undefined) throw new AppError('draft_lost', 'The draft of the same generation is gone.', { retryable: true });
      return { id: first };
    }
    await changes.recordCreation(tx, article, { change: 'draft', actor, reason: null });
    return { id: article.id };
  };
}
