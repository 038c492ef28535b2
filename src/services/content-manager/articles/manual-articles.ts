import type { Static } from 'typebox';
import type { Database } from '#platform/database';
import type { Citation } from '#shared/article-text';
import { AppError, type FieldFault, invalid } from '#shared/errors';
import type { Draft } from '../article-types.ts';
import type { Article } from './article.ts';
import type { NewArticle } from './article-schema.ts';
import { findArticleById } from './article-store.ts';
import type { CreateDraft } from './drafting.ts';
import { toSections } from './sections.ts';

export type ManualArticle = Static<typeof NewArticle>;
export type CreateManually = (input: ManualArticle, actor: string) => Promise<Article>;

function citationsOf({ citations = [] }: ManualArticle): Citation[] {
  const faults: FieldFault[] = citations.flatMap(({ startOffset, endOffset }, index) =>
    endOffset > startOffset ? [] : [{ path: `/citations/${index}/endOffset`, message: 'must be after startOffset' }],
  );
  if (faults.length > 0) throw invalid('A citation ends before it begins.', faults);
  return citations.map(({ sourceAuthor = null, ...citation }, index) => ({ ...citation, sourceAuthor, ordinal: index + 1 }));
}

/** An article that a person wrote: a draft that nobody has checked. */
export function createManualArticles(deps: { readonly database: Database; readonly createDraft: CreateDraft }): CreateManually {
  const { database, createDraft } = deps;
  return async (input, actor) => {
    const citations = citationsOf(input);
    const draft: Draft = {
      generationId: null,
      title: input.title,
      summary: input.summary ?? '',
      metaDescription: input.metaDescription ?? '',
      contentType: input.contentType,
      language: input.language,
      category: input.category ?? null,
      tags: input.tags ?? [],
      sections: toSections(input.sections, { sections: [], citations }),
      citations,
      writer: 'person',
      qualityScore: null,
      qualityChecks: [],
    };
    return database.transaction(async (tx) => {
      const { id } = await createDraft(tx, draft, actor);
      const article = await findArticleById(tx, id);
      if (article === undefined) throw new AppError('draft_lost', 'The draft that was just kept cannot be read.');
      return article;
    });
  };
}
