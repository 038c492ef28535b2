import { type Queryable, sql } from '#platform/database';

export type EmailEvent = {
  readonly id: string;
  readonly type: 'open' | 'click' | 'bounce' | 'unsubscribe';
  readonly issueId: string;
  readonly subscriberId: string;
  readonly url?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly occurredAt: Date;
};

export async function insertEmailEvent(tx: Queryable, event: EmailEvent): Promise<void> {
  await tx.execute(
    'email-events.insert',
    sql`insert into email_events (id, issue_id, subscriber_id, type, url, user_agent, occurred_at)
        values (${event.id}, ${event.issueId}, ${event.subscriberId}, ${event.type}, ${event.url ?? null}, ${event.userAgent ?? null},
                ${event.occurredAt})
        on conflict do nothing`,
  );
}
