import { type Queryable, type RawBuilder, sql, type Transaction } from '#platform/database';
import { engagementKinds } from './email-event.ts';

/** Of a rule about a person: in at least `times` different campaigns, or in a given one. */
type EngagementRule = {
  readonly kind: 'received' | 'opened' | 'clicked';
  readonly issueId?: string | undefined;
  /** At or after; ever unless told. */
  readonly since?: Date | undefined;
  readonly times: number;
};

/**
 * Whether the person opened, clicked or received, for the segments' rules; true or false, never null. Opens and clicks are those
 * that are labelled human: a rule that a machine can fulfil would say nothing about the reader.
 */
export function engagementCondition(rule: EngagementRule, subscriberId: RawBuilder<unknown>): RawBuilder<boolean> {
  const { kind, issueId, since, times } = rule;
  const conditions =
    kind === 'received'
      ? [sql`status = 'sent'`, ...(since === undefined ? [] : [sql`changed_at >= ${since}`])]
      : [
          sql`what = ${sql.lit(kind === 'opened' ? engagementKinds.open : engagementKinds.click)} and last_human_at is not null`,
          ...(since === undefined ? [] : [sql`last_human_at >= ${since}`]),
        ];
  if (issueId !== undefined) conditions.push(sql`issue_id = ${issueId}::uuid`);
  const rows = sql`from ${kind === 'received' ? sql`deliveries` : sql`email_engagements`} where ${sql.join(conditions, sql` and `)}`;
  if (issueId !== undefined || times <= 1) return sql<boolean>`(${subscriberId} in (select subscriber_id ${rows}))`;
  return sql<boolean>`(${subscriberId} in (select subscriber_id ${rows} group by subscriber_id having count(*) >= ${times}))`;
}

type PersonalEvent = {
  readonly id: string;
  readonly issueId: string;
  readonly type: string;
  readonly label: string | null;
  readonly url: string | null;
  readonly userAgent: string | null;
  readonly occurredAt: Date;
};

/** What is kept about a person's mails, for the person: newest first, at most `limit`. */
export function engagementOf(database: Queryable, subscriberId: string, limit = 10_000): Promise<PersonalEvent[]> {
  return database.query(
    'email-events.of-person',
    sql<PersonalEvent>`select e.id, e.issue_id as "issueId", e.type, e.label, i.links -> e.link::int ->> 'url' as url,
          e.user_agent as "userAgent", e.occurred_at as "occurredAt"
        from email_events e left join newsletter_issues i on i.id = e.issue_id and e.link >= 0
        where e.subscriber_id = ${subscriberId}::uuid order by e.occurred_at desc, e.id desc limit ${limit}`,
  );
}

/**
 * Takes the person out of everything that is kept about mails. The figures of the issues stay as they are: they name nobody. What
 * still comes in by links of old mails is kept without the person.
 */
export async function forgetEngagement(tx: Transaction, subscriberId: string, at: Date): Promise<void> {
  await tx.execute(
    'email-forgotten.insert',
    sql`insert into email_forgotten (subscriber_id, forgotten_at) values (${subscriberId}::uuid, ${at}) on conflict do nothing`,
  );
  await tx.execute('email-engagements.forget', sql`delete from email_engagements where subscriber_id = ${subscriberId}::uuid`);
  await tx.execute('email-suspects.forget', sql`delete from email_suspects where subscriber_id = ${subscriberId}::uuid`);
  await tx.execute(
    'email-events.forget',
    sql`update email_events set subscriber_id = null, user_agent = null where subscriber_id = ${subscriberId}::uuid`,
  );
}
