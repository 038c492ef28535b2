import type { Logger } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { AppError } from '#shared/errors';
import { parseMailbox } from './mail-address.ts';
import type { MailTransport } from './mail-transport.ts';

export type TransactionalMail = {
  readonly to: { readonly address: string; readonly name?: string };
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  /** The same key gives the same Message-ID, so that a second copy is recognised as one. */
  readonly key: string;
};

/**
 * Sends one message to one person who asked for it (a confirmation, a notice). A permanent refusal is logged and ends there:
 * trying again would not help. @throws AppError, retryable, when a later try may succeed.
 */
export function createTransactionalSender(options: {
  readonly transport: MailTransport;
  /** `Name <address>`. */
  readonly mailFrom: string;
  readonly clock: Clock;
  readonly logger: Logger;
}): (mail: TransactionalMail) => Promise<void> {
  const { transport, clock, logger } = options;
  const from = parseMailbox(options.mailFrom);
  const domain = from.address.split('@')[1] ?? 'localhost';
  return async (mail) => {
    const outcome = await transport.send({
      from,
      to: mail.to,
      subject: mail.subject,
      html: mail.html,
      text: mail.text,
      messageId: `<${mail.key.replace(/[^\w.-]/g, '-')}@${domain}>`,
      date: clock.now(),
      // RFC 3834: answered by no auto-responder.
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    });
    if (outcome.kind === 'accepted') return;
    if (outcome.kind === 'rejected' && !outcome.temporary) {
      logger.warn({ code: outcome.code, response: outcome.response, key: mail.key }, 'the mail server refused a message');
      return;
    }
    throw new AppError('mail_not_accepted', `The mail server did not take the message: ${outcome.response}`, { retryable: true });
  };
}
