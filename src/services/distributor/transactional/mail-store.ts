import { type Queryable, sql } from '#platform/database';
import type { Position } from '#platform/http-server';
import { notFound } from '#shared/errors';
import type { MailSource, MailStatus, TransactionalMail } from './mail-types.ts';

const columns = sql`
  id, status, recipient_address as address, recipient_name as "recipientName", subscriber_id as "subscriberId", template, subject, html, text,
  attempts, reason, next_attempt_at as "nextAttemptAt", first_tried_at as "firstTriedAt", lease_until as "leaseUntil",
  created_at as "createdAt", changed_at as "changedAt"`;

export type NewMail = MailSource &
  Pick<TransactionalMail, 'id' | 'recipientName' | 'subscriberId' | 'template' | 'createdAt'> & {
    readonly address: string;
    readonly caller: string;
    readonly idempotencyKey: string;
    readonly requestHash: Buffer;
  };

/** Undefined when the caller has used the key before. */
export function insertMail(tx: Queryable, mail: NewMail): Promise<TransactionalMail | undefined> {
  return tx.maybeOne(
    'transactional-mails.insert',
    sql<TransactionalMail>`insert into transactional_mails (id, caller, idempotency_key, request_hash, recipient_address, recipient_name, subscriber_id,
          template, subject, html, text, next_attempt_at, created_at, changed_at)
        values (${mail.id}, ${mail.caller}, ${mail.idempotencyKey}, ${mail.requestHash}, ${mail.address}, ${mail.recipientName},
                ${mail.subscriberId}, ${mail.template}, ${mail.subject}, ${mail.html}, ${mail.text}, ${mail.createdAt}, ${mail.createdAt},
                ${mail.createdAt})
        on conflict (caller, idempotency_key) do nothing returning ${columns}`,
  );
}

export function findByKey(
  database: Queryable,
  caller: string,
  key: string,
): Promise<(TransactionalMail & { readonly requestHash: Buffer }) | undefined> {
  return database.maybeOne(
    'transactional-mails.find-by-key',
    sql<TransactionalMail & { requestHash: Buffer }>`select ${columns}, request_hash as "requestHash" from transactional_mails
        where caller = ${caller} and idempotency_key = ${key}`,
  );
}

export function findMail(database: Queryable, id: string): Promise<TransactionalMail | undefined> {
  return database.maybeOne(
    'transactional-mails.find',
    sql<TransactionalMail>`select ${columns} from transactional_mails where id = ${id}::uuid`,
  );
}

/** @throws AppError `not_found` */
export async function getMail(database: Queryable, id: string): Promise<TransactionalMail> {
  const mail = await findMail(database, id);
  if (mail === undefined) throw notFound('transactional mail', id);
  return mail;
}

/** Newest first; one row more than `limit`. Times are the clock's, in whole milliseconds, so that a cursor names them exactly. */
export function listMails(
  database: Queryable,
  { status, before, limit }: { readonly status?: MailStatus | undefined; readonly before?: Position | undefined; readonly limit: number },
): Promise<TransactionalMail[]> {
  const conditions = [sql<boolean>`true`];
  if (status !== undefined) conditions.push(sql`status = ${status}`);
  if (before !== undefined) conditions.push(sql`(created_at, id) < (${before.at}::timestamptz, ${before.id}::uuid)`);
  return database.query(
    'transactional-mails.list',
    sql<TransactionalMail>`select ${columns} from transactional_mails where ${sql.join(conditions, sql` and `)}
        order by created_at desc, id desc limit ${limit + 1}`,
  );
}

/** From here on nobody can say whether it left, until it is said. Undefined where another has it, or it is not due. */
export function claimMail(database: Queryable, id: string, now: Date, leaseUntil: Date): Promise<TransactionalMail | undefined> {
  return database.maybeOne(
    'transactional-mails.claim',
    sql<TransactionalMail>`update transactional_mails
        set status = 'sending', attempts = attempts + 1, lease_until = ${leaseUntil}, next_attempt_at = null,
            first_tried_at = coalesce(first_tried_at, ${now}), changed_at = ${now}
        where id = ${id}::uuid and status = 'queued' and next_attempt_at <= ${now} returning ${columns}`,
  );
}

/** Takes over what whoever sent it has left behind. `changedAt` stays: it says when it was handed over. */
export function claimInterruptedMail(database: Queryable, id: string, now: Date, leaseUntil: Date): Promise<TransactionalMail | undefined> {
  return database.maybeOne(
    'transactional-mails.claim-interrupted',
    sql<TransactionalMail>`update transactional_mails set lease_until = ${leaseUntil}
        where id = ${id}::uuid and status = 'sending' and lease_until <= ${now} returning ${columns}`,
  );
}

export type MailChange = {
  readonly status: Exclude<MailStatus, 'sending'>;
  readonly reason: string | null;
  readonly nextAttemptAt: Date | null;
};

/** Only of the handing-over that it is about: `attempts` tells it. What nothing more will be done with loses its bodies. */
export async function settleMail(
  tx: Queryable,
  mail: Pick<TransactionalMail, 'id' | 'attempts'>,
  change: MailChange,
  now: Date,
): Promise<boolean> {
  const { status, reason, nextAttemptAt } = change;
  const isOver = status !== 'queued' && status !== 'uncertain';
  const count = await tx.execute(
    'transactional-mails.settle',
    sql`update transactional_mails
        set status = ${status}, reason = ${reason}, next_attempt_at = ${nextAttemptAt}, lease_until = null, changed_at = ${now},
            html = case when not ${isOver} then html end, text = case when not ${isOver} then text end
        where id = ${mail.id}::uuid and attempts = ${mail.attempts} and status in ('queued', 'sending', 'uncertain')`,
  );
  return count > 0;
}

/** Open ones whose time has passed: they have lost their jobs, or wait for them. */
export async function listOverdue(database: Queryable, before: Date, limit: number): Promise<string[]> {
  const rows = await database.query(
    'transactional-mails.overdue',
    sql<{
      id: string;
    }>`select id from transactional_mails where status in ('queued', 'sending') and coalesce(lease_until, next_attempt_at) <= ${before}
        order by coalesce(lease_until, next_attempt_at) limit ${limit}`,
  );
  return rows.map(({ id }) => id);
}

export function deleteEnded(database: Queryable, before: Date, limit: number): Promise<number> {
  return database.execute(
    'transactional-mails.delete-ended',
    sql`delete from transactional_mails where id in (
          select id from transactional_mails where status in ('sent', 'failed', 'suppressed') and created_at < ${before}
          order by created_at limit ${limit})`,
  );
}

/** What names an erased person goes; what has not left stays where it is. */
export async function forgetRecipient(tx: Queryable, subscriberId: string, now: Date): Promise<void> {
  await tx.execute(
    'transactional-mails.forget',
    sql`update transactional_mails
        set recipient_address = null, recipient_name = null, html = null, text = null, subject = '', lease_until = null, next_attempt_at = null,
            status = case when status in ('queued', 'uncertain') then 'suppressed' when status = 'sending' then 'uncertain' else status end,
            reason = case when status in ('queued', 'sending', 'uncertain') then 'erased' else reason end, changed_at = ${now}
        where subscriber_id = ${subscriberId}::uuid`,
  );
}
