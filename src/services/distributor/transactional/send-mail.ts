import { isHardBounce, type MailTransport, parseMailbox, type SendOutcome } from '#platform/mail';
import type { ServiceDependencies } from '#platform/service';
import { AppError, messageOf } from '#shared/errors';
import { maxRetryMs, nextTryAt } from '../deliveries/retry-policy.ts';
import { sendTransactionalJob } from '../distributor-jobs.ts';
import type { Audience } from '../distributor-types.ts';
import { claimInterruptedMail, claimMail, findMail, type MailChange, settleMail } from './mail-store.ts';
import type { TransactionalMail } from './mail-types.ts';

/*
 *   queued ──claim──▶ sending ──▶ sent | failed | uncertain        suppressed: the address takes no mail at all
 *     ▲                  │
 *     └── refused for the time being, or surely not taken
 *
 * `sending` is committed before the message leaves. Whoever finds one whose lease is over asks the mail server by Message-ID;
 * where it cannot be asked the mail is uncertain, and sent no second time.
 */

export type SendMailDependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'clock' | 'logger'> & {
  readonly mail: Pick<MailTransport, 'send' | 'findByMessageId'>;
  readonly mailFrom: string;
  readonly subscribers: Pick<Audience, 'isSuppressed' | 'markBounced'>;
};

/** Longer than a message may take; a killed process's mail waits this long. */
const leaseMs = 120_000;
const outageDelayMs = 30_000;
const maxReasonLength = 300;

export function createMailSending(dependencies: SendMailDependencies): (mailId: string) => Promise<void> {
  const { database, jobs, clock, logger, mail: transport, subscribers } = dependencies;
  const from = parseMailbox(dependencies.mailFrom);
  const domain = from.address.split('@')[1] ?? 'localhost';
  const messageIdOf = (id: string) => `<${id}@${domain}>`;

  async function settle(mail: TransactionalMail, change: MailChange, bounce?: string): Promise<void> {
    await database.transaction(async (tx) => {
      if (!(await settleMail(tx, mail, change, clock.now()))) return;
      if (bounce !== undefined && mail.subscriberId !== null) await subscribers.markBounced(tx, mail.subscriberId, bounce);
      if (change.nextAttemptAt !== null)
        await jobs.send(tx, sendTransactionalJob, { mailId: mail.id }, { startAfter: change.nextAttemptAt });
    });
  }

  function tryLater(mail: TransactionalMail, reason: string): MailChange {
    const at = nextTryAt(mail.attempts, mail.firstTriedAt, clock.now(), clock.random());
    if (at === undefined)
      return { status: 'failed', reason: shorten(`given up after ${mail.attempts} tries: ${reason}`), nextAttemptAt: null };
    return { status: 'queued', reason: shorten(reason), nextAttemptAt: at };
  }

  /** A server that is down costs the mail no more than time, and not for ever. */
  function afterOutage(mail: TransactionalMail, reason: string): MailChange {
    const now = clock.now().getTime();
    if (now - mail.createdAt.getTime() > maxRetryMs) return { status: 'failed', reason: shorten(reason), nextAttemptAt: null };
    return { status: 'queued', reason: shorten(reason), nextAttemptAt: new Date(now + outageDelayMs) };
  }

  async function handOver(mail: TransactionalMail): Promise<void> {
    const { address, html, text, subject, recipientName: name } = mail;
    if (address === null || html === null || text === null) throw new Error(`The mail ${mail.id} is to be sent and has no content.`);
    let outcome: SendOutcome;
    try {
      outcome = await transport.send({
        ...{ from, subject, html, text },
        to: { address, ...(name !== null && { name }) },
        messageId: messageIdOf(mail.id),
        date: clock.now(),
        // RFC 3834: answered by no auto-responder.
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
      });
    } catch (error) {
      // Anything else says nothing of whether it left: the lease ends, and the server is asked.
      if (!(error instanceof AppError) || error.code !== 'mail_unavailable') throw error;
      await settle(mail, afterOutage(mail, messageOf(error)));
      return;
    }
    switch (outcome.kind) {
      case 'accepted':
        return settle(mail, { status: 'sent', reason: null, nextAttemptAt: null });
      case 'rejected': {
        if (outcome.temporary) return settle(mail, tryLater(mail, outcome.response));
        const reason = shorten(outcome.response);
        return settle(mail, { status: 'failed', reason, nextAttemptAt: null }, isHardBounce(outcome) ? reason : undefined);
      }
      case 'unknown':
        if (transport.findByMessageId === undefined) {
          return settle(mail, { status: 'uncertain', reason: shorten(outcome.response), nextAttemptAt: null });
        }
        // Asked at once, a server that is still storing the message would deny it.
        if (mail.leaseUntil !== null) await jobs.send(database, sendTransactionalJob, { mailId: mail.id }, { startAfter: mail.leaseUntil });
    }
  }

  async function settleInterrupted(mail: TransactionalMail): Promise<void> {
    const found = (await transport.findByMessageId?.(messageIdOf(mail.id), mail.changedAt)) ?? 'unknown';
    if (found === 'accepted') return settle(mail, { status: 'sent', reason: null, nextAttemptAt: null });
    if (found === 'absent') return settle(mail, tryLater(mail, 'interrupted before it arrived'));
    return settle(mail, { status: 'uncertain', reason: 'interrupted while under way; it may have arrived', nextAttemptAt: null });
  }

  return async (mailId) => {
    const mail = await findMail(database, mailId);
    if (mail === undefined) return;
    const now = clock.now();
    const leaseUntil = new Date(now.getTime() + leaseMs);
    if (mail.status === 'sending') {
      const interrupted = await claimInterruptedMail(database, mailId, now, leaseUntil);
      if (interrupted !== undefined) await settleInterrupted(interrupted);
      return;
    }
    if (mail.status !== 'queued' || mail.address === null) return;
    if (await subscribers.isSuppressed(mail.address)) {
      await settle(mail, { status: 'suppressed', reason: 'the address is on the suppression list', nextAttemptAt: null });
      return;
    }
    const claimed = await claimMail(database, mailId, now, leaseUntil);
    if (claimed === undefined) return;
    await handOver(claimed);
    logger.debug({ mailId }, 'a transactional mail was handed over');
  };
}

// Server replies are foreign text: PostgreSQL takes no NUL.
const shorten = (reason: string) => reason.replaceAll('\u0000', '').slice(0, maxReasonLength).toWellFormed();
