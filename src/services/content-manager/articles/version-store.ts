import { type Queryable, sql } from '#platform/database';
import type { ArticleStatus } from '../article-types.ts';
import { type Article, type ArticleText, textOf } from './article.ts';
import type { WorkflowAction } from './workflow.ts';

export type ChangeName = WorkflowAction | 'draft' | 'edit' | 'restore';

export type VersionSummary = {
  readonly version: number;
  readonly status: ArticleStatus;
  readonly title: string;
  readonly change: ChangeName;
  readonly actor: string;
  readonly reason: string | null;
  readonly changedAt: Date;
};

/** The article as it stood after the change. */
export type Version = VersionSummary & { readonly snapshot: ArticleText };

export type ChangeRecord = { readonly change: ChangeName; readonly actor: string; readonly reason: string | null };

const columns = sql`version, status, title, change, actor, reason, changed_at as "changedAt"`;

export async function insertVersion(tx: Queryable, article: Article, { change, actor, reason }: ChangeRecord): Promise<void> {
  await tx.execute(
    'versions.insert',
    sql`insert into content_versions (content_id, version, status, title, snapshot, actor, change, reason, changed_at)
        values (${article.id}, ${article.version}, ${article.status}, ${article.title}, ${JSON.stringify(textOf(article))}::jsonb,
                ${actor}, ${change}, ${reason}, ${article.updatedAt})`,
  );
}

/** Newest first, older than `before`; one row more than `limit`. */
export function listVersions(database: Queryable, contentId: string, before: number | undefined, limit: number): Promise<VersionSummary[]> {
  return database.query<VersionSummary>(
    'versions.list',
    sql`select ${columns} from content_versions
        where content_id = ${contentId}::uuid and version < ${before ?? 2147483647}
        order by version desc limit ${limit + 1}`,
  );
}

export function findVersion(database: Queryable, contentId: string, version: number): Promise<Version | undefined> {
  return database.maybeOne<Version>(
    'versions.find',
    sql`select ${columns}, snapshot from content_versions where content_id = ${contentId}::uuid and version = ${version}`,
  );
}
