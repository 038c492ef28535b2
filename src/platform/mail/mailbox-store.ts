import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
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

const escapeLike = (text: string) => text.replace(/[\\%_]/g, '\\$&');

export async function insertMessages(database: Queryable, messages: readonly MailboxMessage[]): Promise<void> {
  await database.execute(
    'mailbox.insert',
    sql`insert into mailbox_messages (id, envelope_from, envelope_to, subject, message_id, received_at, size_bytes, raw)
        select * from unnest(
          ${messages.map((m) => m.id)}::uuid[], ${messages.map((m) => m.envelopeFrom)}::text[],
          ${messages.map((m) => m.envelopeTo)}::text[], ${messages.map((m) => m.subject)}::text[],
          ${messages.map((m) => m.messageId)}::text[], ${messages.map((m) => m.receivedAt)}::timestamptz[],
          ${messages.map((m) => m.sizeBytes)}::int[], ${messages.map((m) => m.raw)}::bytea[])`,
  );
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
  const pattern = `%${escapeLike(filter.search.toLowerCase())}%`;
  return database.query<MailboxEntry>(
    'mailbox.list',
    sql`select ${entryColumns} from mailbox_messages
        where (${filter.search} = '' or lower(envelope_to) like ${pattern})
          and (${filter.before?.at ?? null}::timestamptz is null
               or (date_trunc('milliseconds', received_at), id) < (${filter.before?.at ?? null}::timestamptz, ${filter.before?.id ?? null}::uuid))
        order by received_at desc, id desc limit ${filter.limit + 1}`,
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
    sql`select exists (select 1 from mailbox_messages where message_id = ${messageId}) as "isHere",
               (select count(*) from mailbox_messages) < ${maxMessages}
                 or exists (select 1 from mailbox_messages where received_at < ${since}) as "isWhole"`,
  );
  if (row.isHere) return 'accepted';
  return row.isWhole ? 'absent' : 'unknown';
}
