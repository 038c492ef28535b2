import { isDeepStrictEqual } from 'node:util';
import type { Database } from '#platform/database';
import { conflict, notFound } from '#shared/errors';
import { checkStorableText } from '#shared/storable-text';
import { type Article, checkedFields } from './article.ts';
import { type ArticleChanges, lockForChange } from './article-changes.ts';
import { dropUnusedCitations, type SectionInput, toSections } from './sections.ts';
import type { Taxonomy } from './taxonomy.ts';
import { findVersion } from './version-store.ts';

/** What is absent stays as it is. */
export type ArticleEdit = {
  readonly title?: string;
  readonly summary?: string;
  readonly metaDescription?: string;
  readonly category?: string | null;
  readonly tags?: readonly string[];
  readonly sections?: readonly SectionInput[];
};

export type ChangeOptions = {
  /** Why, as the version keeps it. */
  readonly reason?: string | undefined;
  /** The version that the caller has seen; a later one is a `version_conflict`. */
  readonly expectedVersion?: number | undefined;
};

export type Editing = {
  /** Changes the text without changing the status; a change to what it says already makes no version. */
  edit(id: string, edit: ArticleEdit, actor: string, options?: ChangeOptions): Promise<Article>;
  /** Brings back the text of a former version, as a new version: what was undone can be undone. */
  restore(id: string, version: number, actor: string, options?: ChangeOptions): Promise<Article>;
};

const closedStatuses: readonly Article['status'][] = ['rejected', 'archived'];

function assertOpen({ status }: Article): void {
  if (closedStatuses.includes(status)) {
    throw conflict('not_editable', `The article is ${status}: reopen it (POST …/reopen) before its text is changed.`);
  }
}

function applyEdit(before: Article, edit: ArticleEdit): Article {
  const { sections, ...fields } = edit;
  const cited = sections === undefined ? {} : dropUnusedCitations(before, toSections(sections, before));
  const next: Article = { ...before, ...fields, ...(edit.tags && { tags: [...new Set(edit.tags)] }), ...cited };
  const isStale = checkedFields.some((field) => !isDeepStrictEqual(before[field], next[field]));
  // The checks speak of a text that is no longer there: no score is more honest than the old one.
  return isStale ? { ...next, qualityScore: null, qualityChecks: [] } : next;
}

export function createEditing(deps: {
  readonly database: Database;
  readonly changes: ArticleChanges;
  readonly taxonomy: Taxonomy;
}): Editing {
  const { database, changes, taxonomy } = deps;
  return {
    async edit(id, edit, actor, { reason = null, expectedVersion } = {}) {
      checkStorableText(edit);
      return database.transaction(async (tx) => {
        const before = await lockForChange(tx, id, expectedVersion);
        assertOpen(before);
        const next = applyEdit(before, edit);
        if (isDeepStrictEqual(before, next)) return before;
        taxonomy.check(next, before);
        await taxonomy.ensure(tx);
        return changes.save(tx, before, next, { change: 'edit', actor, reason });
      });
    },
    restore(id, version, actor, { reason, expectedVersion } = {}) {
      return database.transaction(async (tx) => {
        const before = await lockForChange(tx, id, expectedVersion);
        const former = await findVersion(tx, id, version);
        if (former === undefined) throw notFound('version', String(version));
        assertOpen(before);
        const next = { ...before, ...former.snapshot };
        if (isDeepStrictEqual(before, next)) return before;
        return changes.save(tx, before, next, { change: 'restore', actor, reason: reason ?? `version ${version}` });
      });
    },
  };
}
