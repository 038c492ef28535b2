import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { notFound } from '#shared/errors';
import { hasOpenDeliveries } from '../deliveries/delivery-store.ts';
import type { Issue, IssueContent, IssueLink, IssueStatus } from '../distributor-types.ts';

const columns = sql`
  id, issue_key as "key", subject, preheader, template_id as "templateId", article_ids as "articleIds", segment_id as "segmentId",
  status, status_reason as "statusReason", created_at as "createdAt", started_at as "startedAt", finished_at as "finishedAt"`;

export type NewIssue = Pick<Issue, 'id' | 'key' | 'subject' | 'preheader' | 'templateId' | 'articleIds' | 'segmentId' | 'createdAt'>;

/** Undefined when the key is taken. */
export function insertIssue(tx: Queryable, issue: NewIssue): Promise<Issue | undefined> {
  return tx.maybeOne(
    'issues.insert',
    sql<Issue>`insert into newsletter_issues (id, issue_key, subject, preheader, template_id, article_ids, segment_id, created_at)
        values (${issue.id}, ${issue.key}, ${issue.subject}, ${issue.preheader}, ${issue.templateId}, ${issue.articleIds}::uuid[],
                ${issue.segmentId}, ${issue.createdAt})
        on conflict (issue_key) do nothing returning ${columns}`,
  );
}

export function findIssueByKey(database: Queryable, key: string): Promise<Issue | undefined> {
  return database.maybeOne('issues.find-by-key', sql<Issue>`select ${columns} from newsletter_issues where issue_key = ${key}`);
}

export function findIssue(database: Queryable, id: string): Promise<Issue | undefined> {
  return database.maybeOne('issues.find', sql<Issue>`select ${columns} from newsletter_issues where id = ${id}::uuid`);
}

/** @throws AppError `not_found` */
export async function getIssue(database: Queryable, id: string): Promise<Issue> {
  const issue = await findIssue(database, id);
  if (issue === undefined) throw notFound('campaign', id);
  return issue;
}

/** Holds the row until the transaction ends, so that changes of an issue's status come one after another. */
export async function lockIssue(tx: Queryable, id: string): Promise<Issue> {
  const issue = await tx.maybeOne('issues.lock', sql<Issue>`select ${columns} from newsletter_issues where id = ${id}::uuid for update`);
  if (issue === undefined) throw notFound('campaign', id);
  return issue;
}

/** Newest first; one row more than `limit`, by which a further page is known. */
export function listIssues(
  database: Queryable,
  filter: { readonly status?: IssueStatus | undefined; readonly before?: Position | undefined; readonly limit: number },
): Promise<Issue[]> {
  const { status, before, limit } = filter;
  const conditions = [sql<boolean>`true`];
  if (status !== undefined) conditions.push(sql`status = ${status}`);
  // A cursor says the millisecond; within it, the row itself says where it stands. Of one that is gone the whole millisecond is
  // given again rather than a part of it left out.
  if (before !== undefined) {
    conditions.push(
      sql`(created_at, id) < (coalesce((select created_at from newsletter_issues where id = ${before.id}::uuid),
                                       ${before.at}::timestamptz + interval '1 millisecond'), ${before.id}::uuid)`,
    );
  }
  return database.query(
    'issues.list',
    sql<Issue>`select ${columns} from newsletter_issues where ${sql.join(conditions, sql` and `)}
        order by created_at desc, id desc limit ${limit + 1}`,
  );
}

export function setIssueStatus(tx: Queryable, id: string, status: IssueStatus, reason: string | null = null): Promise<Issue> {
  return tx.one(
    'issues.set-status',
    sql<Issue>`update newsletter_issues set status = ${status}, status_reason = ${reason} where id = ${id}::uuid returning ${columns}`,
  );
}

/** From here on the issue's content stands: every recipient gets the same, whenever the turn comes. */
export async function startIssue(tx: Queryable, id: string, content: IssueContent, at: Date): Promise<void> {
  await tx.execute(
    'issues.start',
    sql`update newsletter_issues
        set status = 'sending', status_reason = null, started_at = ${at}, html_template = ${content.html},
            text_template = ${content.text}, links = ${JSON.stringify(content.links)}::jsonb
        where id = ${id}::uuid`,
  );
}

/** Whether this call ended it: `from` → `to` once, and only when no delivery of it is open. */
export async function finishIssue(tx: Queryable, id: string, status: 'sending' | 'cancelled', at: Date): Promise<boolean> {
  const changed = await tx.execute(
    'issues.finish',
    sql`update newsletter_issues set status = ${status === 'sending' ? 'sent' : status}, finished_at = ${at}
        where id = ${id}::uuid and status = ${status} and finished_at is null
          and not ${hasOpenDeliveries(id)}`,
  );
  return changed > 0;
}

export function findContent(database: Queryable, id: string): Promise<IssueContent | undefined> {
  return database.maybeOne(
    'issues.find-content',
    sql<IssueContent>`select html_template as html, text_template as text, links from newsletter_issues
        where id = ${id}::uuid and html_template is not null and text_template is not null`,
  );
}

export type TrackedIssue = { readonly links: readonly IssueLink[]; readonly articleIds: readonly string[] };

/** What a tracking link needs of an issue that was sent, or is being sent. */
export function findTrackedIssue(database: Queryable, id: string): Promise<TrackedIssue | undefined> {
  return database.maybeOne(
    'issues.find-tracked',
    sql<TrackedIssue>`select links, article_ids as "articleIds" from newsletter_issues
        where id = ${id}::uuid and html_template is not null`,
  );
}

/** Issues whose preparation was asked for and has not ended. */
export async function listUnprepared(database: Queryable): Promise<string[]> {
  const rows = await database.query('issues.unprepared', sql<{ id: string }>`select id from newsletter_issues where status = 'preparing'`);
  return rows.map(({ id }) => id);
}

/** Keeps who did what, in the transaction that does it. */
export async function recordAction(
  tx: Queryable,
  entry: { readonly id: string; readonly at: Date; readonly actor: string; readonly action: string; readonly issueId: string },
): Promise<void> {
  await tx.execute(
    'audit.record',
    sql`insert into audit_log (id, occurred_at, actor, action, subject)
        values (${entry.id}, ${entry.at}, ${entry.actor}, ${entry.action}, ${`campaign:${entry.issueId}`})`,
  );
}
