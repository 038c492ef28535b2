import { recordAudit } from '#platform/audit';
import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { notFound } from '#shared/errors';
import { containsPattern } from '#shared/text';
import { hasOpenDeliveries } from '../deliveries/delivery-store.ts';
import type { Issue, IssueContent, IssueLink, IssueStatus, VariantContent } from '../distributor-types.ts';

export const issueColumns = sql`
  id, kind, issue_key as "key", subject, preheader, template_id as "templateId", article_ids as "articleIds", segment_id as "segmentId",
  topics, body, blocks, variables, text_override as "textOverride", tracking, on_uncertain as "onUncertain", schedule,
  scheduled_at as "scheduledAt", variants, ab_test as "abTest", winner, ab_decide_at as "abDecideAt", ab_result as "abResult", version, resend_of as "resendOf", created_by as "createdBy",
  status, status_reason as "statusReason", created_at as "createdAt", started_at as "startedAt", finished_at as "finishedAt"`;

type Given = 'id' | 'key' | 'subject' | 'templateId' | 'createdAt';
type Settled = 'status' | 'statusReason' | 'startedAt' | 'finishedAt' | 'scheduledAt' | 'winner' | 'abDecideAt' | 'abResult' | 'version';
/** Everything that is left out is as in an issue that goes to everybody, at once, in one version. */
export type NewIssue = Pick<Issue, Given> & Partial<Omit<Issue, Given | Settled>>;

const plainIssue: Omit<Issue, Given | Settled> = {
  kind: 'campaign',
  preheader: '',
  articleIds: [],
  segmentId: null,
  topics: [],
  body: '',
  blocks: [],
  variables: {},
  textOverride: null,
  tracking: 'individual',
  onUncertain: 'hold',
  schedule: null,
  variants: [],
  abTest: null,
  resendOf: null,
  createdBy: '',
};

const json = (value: unknown) => (value === null ? null : JSON.stringify(value));

/** Undefined when the key is taken. */
export function insertIssue(tx: Queryable, given: NewIssue): Promise<Issue | undefined> {
  const issue = { ...plainIssue, ...given };
  return tx.maybeOne(
    'issues.insert',
    sql<Issue>`insert into newsletter_issues (id, kind, issue_key, subject, preheader, template_id, article_ids, segment_id, topics, body,
          blocks, variables, text_override, tracking, on_uncertain, schedule, variants, ab_test, resend_of, created_by, created_at)
        values (${issue.id}, ${issue.kind}, ${issue.key}, ${issue.subject}, ${issue.preheader}, ${issue.templateId},
                ${issue.articleIds}::uuid[], ${issue.segmentId}, ${issue.topics}::text[], ${issue.body}, ${json(issue.blocks)}::jsonb,
                ${json(issue.variables)}::jsonb, ${issue.textOverride}, ${issue.tracking}, ${issue.onUncertain},
                ${json(issue.schedule)}::jsonb, ${json(issue.variants)}::jsonb, ${json(issue.abTest)}::jsonb, ${issue.resendOf},
                ${issue.createdBy}, ${issue.createdAt})
        on conflict (issue_key) do nothing returning ${issueColumns}`,
  );
}

export function findIssueByKey(database: Queryable, key: string): Promise<Issue | undefined> {
  return database.maybeOne('issues.find-by-key', sql<Issue>`select ${issueColumns} from newsletter_issues where issue_key = ${key}`);
}

export function findIssue(database: Queryable, id: string): Promise<Issue | undefined> {
  return database.maybeOne('issues.find', sql<Issue>`select ${issueColumns} from newsletter_issues where id = ${id}::uuid`);
}

/** @throws AppError `not_found` */
export async function getIssue(database: Queryable, id: string): Promise<Issue> {
  const issue = await findIssue(database, id);
  if (issue === undefined) throw notFound('campaign', id);
  return issue;
}

/** Holds the row until the transaction ends, so that changes of an issue's status come one after another. */
export async function lockIssue(tx: Queryable, id: string): Promise<Issue> {
  const issue = await tx.maybeOne(
    'issues.lock',
    sql<Issue>`select ${issueColumns} from newsletter_issues where id = ${id}::uuid for update`,
  );
  if (issue === undefined) throw notFound('campaign', id);
  return issue;
}

/** Newest first; one row more than `limit`, by which a further page is known. */
export function listIssues(
  database: Queryable,
  filter: {
    readonly status?: IssueStatus | undefined;
    /** `written`: all but the mails of sequences. */
    readonly kind?: Issue['kind'] | 'written' | undefined;
    /** A part of the subject. */
    readonly q?: string | undefined;
    readonly before?: Position | undefined;
    readonly limit: number;
  },
): Promise<Issue[]> {
  const { status, kind, q, before, limit } = filter;
  const conditions = [sql<boolean>`true`];
  if (status !== undefined) conditions.push(sql`status = ${status}`);
  if (kind === 'written') conditions.push(sql`kind <> 'sequence_step'`);
  else if (kind !== undefined) conditions.push(sql`kind = ${kind}`);
  if (q !== undefined && q !== '') conditions.push(sql`lower(subject) like ${containsPattern(q.toLowerCase())}`);
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
    sql<Issue>`select ${issueColumns} from newsletter_issues where ${sql.join(conditions, sql` and `)}
        order by created_at desc, id desc limit ${limit + 1}`,
  );
}

export function setIssueStatus(tx: Queryable, id: string, status: IssueStatus, reason: string | null = null): Promise<Issue> {
  return tx.one(
    'issues.set-status',
    sql<Issue>`update newsletter_issues set status = ${status}, status_reason = ${reason} where id = ${id}::uuid returning ${issueColumns}`,
  );
}

/** From here on the issue's content stands: every recipient gets the same, whenever the turn comes. */
export async function startIssue(tx: Queryable, id: string, content: IssueContent, at: Date): Promise<void> {
  await tx.execute(
    'issues.start',
    sql`update newsletter_issues
        set status = 'sending', status_reason = null, started_at = ${at}, links = ${JSON.stringify(content.links)}::jsonb
        where id = ${id}::uuid`,
  );
  await tx.execute(
    'issues.keep-content',
    sql`insert into issue_contents (issue_id, variant, subject, html_template, text_template)
        select ${id}::uuid, number - 1, subject, html, text
        from unnest(${content.variants.map(({ subject }) => subject)}::text[], ${content.variants.map(({ html }) => html)}::text[],
                    ${content.variants.map(({ text }) => text)}::text[]) with ordinality as v (subject, html, text, number)
        on conflict (issue_id, variant) do update
          set subject = excluded.subject, html_template = excluded.html_template, text_template = excluded.text_template`,
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

export async function findContent(database: Queryable, id: string): Promise<IssueContent | undefined> {
  const row = await database.maybeOne(
    'issues.find-content',
    sql<{ variants: VariantContent[] | null; links: IssueLink[] }>`
        select links, (select json_agg(json_build_object('subject', subject, 'html', html_template, 'text', text_template) order by variant)
                       from issue_contents where issue_id = i.id) as variants
        from newsletter_issues i where id = ${id}::uuid`,
  );
  return row === undefined || row.variants === null ? undefined : { variants: row.variants, links: row.links };
}

export type TrackedIssue = Pick<Issue, 'tracking'> & { readonly links: readonly IssueLink[] };

/** What a tracking link needs of an issue that was sent, or is being sent. */
export function findTrackedIssue(database: Queryable, id: string): Promise<TrackedIssue | undefined> {
  return database.maybeOne(
    'issues.find-tracked',
    sql<TrackedIssue>`select links, tracking from newsletter_issues
        where id = ${id}::uuid and started_at is not null`,
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
  entry: {
    readonly id: string;
    readonly at: Date;
    readonly actor: string;
    readonly action: string;
    readonly issueId: string;
    readonly details?: object;
  },
): Promise<void> {
  const { issueId, ...action } = entry;
  await recordAudit(tx, { ...action, subject: `campaign:${issueId}` });
}
