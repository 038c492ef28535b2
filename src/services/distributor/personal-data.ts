import { type Database, sql } from '#platform/database';
import { engagementOf } from './tracking/engagement-queries.ts';

/** Of the newest, so that the file stays one that somebody can open. */
const maxRows = 5000;

/** What the distributor keeps about a person, for a copy of it: mails and what became of them, opens and clicks, sequences. */
export async function collectMailData(database: Database, subscriberId: string): Promise<Readonly<Record<string, unknown>>> {
  const [newsletters, engagement, transactionalMails, sequences] = await Promise.all([
    database.query(
      'personal-data.newsletters',
      // By the key of each issue: the ledger has no other way to a person.
      sql<object>`select i.subject, d.status, d.reason, d.changed_at as "changedAt"
          from (select id, subject, created_at from newsletter_issues where started_at is not null order by created_at desc limit ${maxRows}) i
          cross join lateral (
            select status, reason, changed_at from deliveries where issue_id = i.id and subscriber_id = ${subscriberId}::uuid) d
          order by i.created_at desc`,
    ),
    engagementOf(database, subscriberId),
    database.query(
      'personal-data.transactional',
      sql<object>`select subject, recipient_address as "recipientAddress", status, created_at as "createdAt" from transactional_mails
          where subscriber_id = ${subscriberId}::uuid order by created_at desc limit ${maxRows}`,
    ),
    database.query(
      'personal-data.sequences',
      sql<object>`select s.name, e.status, e.enrolled_at as "enrolledAt", e.ended_at as "endedAt"
          from sequence_enrolments e join sequences s on s.id = e.sequence_id
          where e.subscriber_id = ${subscriberId}::uuid order by e.enrolled_at desc limit ${maxRows}`,
    ),
  ]);
  return { newsletters, engagement, transactionalMails, sequences };
}
