import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { containsPattern } from '#shared/text';
import type { LookupOutcome } from './mail-transport.ts';

export type MailboxMessage = {
  readonly id: string;
  readonly envelopeFrom: string;
  readonly envelopeTo: string;
  readonly subject: string;
  readonly messageId: string;
  readonly receivedAt: Date;
  readonly sizeBytes: number;
  readonly raw: Buffer;
};

export type MailboxEntry = Omit<MailboxMessage, 'raw'>;

const entryColumns = sql`
  id, envelope_from as "envelopeFrom", envelope_to as "envelopeTo", subject, message_id as "messageId",
  received_at as "receivedAt", size_bytes as "sizeBytes"`;

/** Gives the ids of those that were kept. A second copy, by Message-ID and recipients, is not, nor is it a fault. */
export async function insertMessages(database: Queryable, messages: readonly MailboxMessage[]): Promise<ReadonlySet<string>> {
  // A parameter of its own for each source: as a Buffer it travels as it is, in an array it would travel as text, twice as long.
  const rows = messages.map(
    (m) => sql`(${m.id}::uuid, ${m.envelopeFrom}, ${m.envelopeTo}, ${m.subject}, ${m.messageId}, ${m.receivedAt}::timestamptz,
                ${m.sizeBytes}::int, ${m.raw}::bytea)`,
  );
  const kept = await database.query(
    'mailbox.insert',
    sql<{ id: string }>`insert into mailbox_messages (id, envelope_from, envelope_to, subject, message_id, received_at, size_bytes, raw)
        values ${sql.join(rows)} on conflict do nothing returning id`,
  );
  return new Set(kept.map(({ id }) => id));
}

/** Keeps the newest `keep` messages. */
export function pruneMessages(database: Queryable, keep: number): Promise<number> {
  return database.execute(
    'mailbox.prune',
    sql`delete from mailbox_messages where (received_at, id) <=
          (select received_at, id from mailbox_messages order by received_at desc, id desc offset ${keep} limit 1)`,
  );
}

/** Newest first; one row more than `limit`, by which a further page is known. `search` is a part of a recipient's address. */
export function listMessages(
  database: Queryable,
  filter: { readonly search: string; readonly before: Position | undefined; readonly limit: number },
): Promise<MailboxEntry[]> {
  const { search, before, limit } = filter;
  const conditions = [sql<boolean>`true`];
  if (search !== '') conditions.push(sql`lower(envelope_to) like ${containsPattern(search.toLowerCase())}`);
  // A cursor says the millisecond; within it, the row itself says where it stands. Of one that is gone the whole millisecond is
  // given again rather than a part of it left out.
  if (before !== undefined) {
    conditions.push(
      sql`(received_at, id) < (coalesce((select received_at from mailbox_messages where id = ${before.id}::uuid),
                                        ${before.at}::timestamptz + interval '1 millisecond'), ${before.id}::uuid)`,
    );
  }
  return database.query<MailboxEntry>(
    'mailbox.list',
    sql`select ${entryColumns} from mailbox_messages where ${sql.join(conditions, sql` and `)}
        order by received_at desc, id desc limit ${limit + 1}`,
  );
}

export async function countMessages(database: Queryable): Promise<number> {
  const { count } = await database.one<{ count: number }>('mailbox.count', sql`select count(*) as count from mailbox_messages`);
  return count;
}

export function findMessage(database: Queryable, id: string): Promise<MailboxMessage | undefined> {
  return database.maybeOne<MailboxMessage>('mailbox.find', sql`select ${entryColumns}, raw from mailbox_messages where id = ${id}::uuid`);
}

/**
 * What the mailbox knows of a message that was handed over at `since` or later. Absence proves nothing once messages of that
 * time may have been pruned: then, and only then, the answer is `unknown`.
 */
export async function lookUpMessage(database: Queryable, messageId: string, since: Date, maxMessages: number): Promise<LookupOutcome> {
  const row = await database.one<{ isHere: boolean; isWhole: boolean }>(
    'mailbox.look-up',
    sql`select exists (select 1 from mailbox_messages where message_id = ${messageId} and message_id <> '') as "isHere",
               (select count(*) from mailbox_messages) < ${maxMessages}
                 or exists (select 1 from mailbox_messages where received_at < ${since}) as "isWhole"`,
  );
  if (row.isHere) return 'accepted';
  return row.isWhole ? 'absent' : 'unknown';
}
