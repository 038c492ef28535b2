import { setTimeout as delay } from 'node:timers/promises';
import type { MailTransport } from '#platform/mail';
import { AppError } from '#shared/errors';

const defaultTimeoutMs = 3000;

/**
 * `verify` for whoever wants to know how mail is, now: a readiness probe has not the patience that a delivery has. However
 * many ask, one session at a time is opened.
 */
export function createMailCheck(mail: Pick<MailTransport, 'verify'>, timeoutMs = defaultTimeoutMs): () => Promise<void> {
  let checking: Promise<void> | undefined;

  async function giveUp(signal: AbortSignal): Promise<never> {
    await delay(timeoutMs, undefined, { signal });
    throw new AppError('mail_unavailable', `The mail server has not answered within ${timeoutMs / 1000} s.`, {
      status: 503,
      retryable: true,
    });
  }

  return async () => {
    checking ??= mail.verify().finally(() => {
      checking = undefined;
    });
    const answered = new AbortController();
    const late = giveUp(answered.signal);
    try {
      await Promise.race([checking, late]);
    } finally {
      answered.abort();
      late.catch(() => undefined);
    }
  };
}
