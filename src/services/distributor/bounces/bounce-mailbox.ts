import { ImapFlow } from 'imapflow';
import Pop3Command from 'node-pop3';
import type { Logger } from '#platform/telemetry';
import { AppError, messageOf } from '#shared/errors';
import type { BounceMailboxSettings } from './bounce-settings.ts';
import { maxReportBytes } from './report-mail.ts';
import type { TakeReport } from './reports.ts';

const maxAtOnce = 500;
const timeoutMs = 30_000;
const readFlag = '\\Seen';

/** The addresses by which a mail may have come to the mailbox, as its servers noted them. */
function addressesOf(raw: Buffer): string[] {
  const end = raw.indexOf('\r\n\r\n');
  const head = raw.toString('latin1', 0, end === -1 ? Math.min(raw.length, 65_536) : end).replace(/\r?\n[ \t]+/g, ' ');
  const found = head.matchAll(/^(?:delivered-to|x-original-to|x-envelope-to|envelope-to|to):(.*)$/gim);
  return [...found].flatMap(([, value = '']) => value.match(/[^\s<>,;"]+@[^\s<>,;"]+/g) ?? []).slice(0, 50);
}

/**
 * Reads what came back from a mailbox. A mail is marked as read (IMAP) or deleted (POP3) only after what it says is committed; what
 * nothing could be read from stays, marked as read, for a person (IMAP), or goes (POP3).
 * @throws AppError `bounce_mailbox_unavailable` (retryable)
 * @returns mails that were read
 */
export async function readBounceMailbox(
  settings: BounceMailboxSettings,
  takeReport: TakeReport,
  options: { readonly logger: Logger; readonly signal?: AbortSignal },
): Promise<number> {
  try {
    return await (settings.protocol === 'imap' ? readImap(settings, takeReport, options) : readPop3(settings, takeReport, options));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('bounce_mailbox_unavailable', `The bounce mailbox cannot be read: ${messageOf(error)}`, {
      status: 503,
      retryable: true,
      cause: error,
    });
  }
}

type Options = { readonly logger: Logger; readonly signal?: AbortSignal };

async function readImap(settings: BounceMailboxSettings, takeReport: TakeReport, { logger, signal }: Options): Promise<number> {
  const { host, port, isSecure, user, password, folder } = settings;
  const client = new ImapFlow({ host, port, secure: isSecure, auth: { user, pass: password }, logger: false, socketTimeout: timeoutMs });
  client.on('error', (error: unknown) => logger.warn({ err: error }, 'the connection to the bounce mailbox has a fault'));
  await client.connect();
  try {
    const lock = await client.getMailboxLock(folder);
    try {
      const unseen = (await client.search({ seen: false }, { uid: true })) || [];
      let taken = 0;
      for (const uid of unseen.slice(0, maxAtOnce)) {
        if (signal?.aborted) break;
        const message = await client.fetchOne(String(uid), { source: { maxLength: maxReportBytes } }, { uid: true });
        if (message === false || message.source === undefined) continue;
        await takeReport(message.source, addressesOf(message.source));
        await client.messageFlagsAdd(String(uid), [readFlag], { uid: true });
        taken += 1;
      }
      return taken;
    } finally {
      lock.release();
    }
  } finally {
    await client.logout().catch(() => client.close());
  }
}

async function readPop3(settings: BounceMailboxSettings, takeReport: TakeReport, { signal }: Options): Promise<number> {
  const { host, port, isSecure, user, password } = settings;
  const client = new Pop3Command({ host, port, tls: isSecure, user, password, timeout: timeoutMs, servername: host });
  let taken = 0;
  try {
    const list = (await client.LIST()) as unknown as readonly (readonly [string, string])[];
    for (const [number, size] of list.slice(0, maxAtOnce)) {
      if (signal?.aborted) break;
      if (Number(size) <= maxReportBytes) {
        const text = await client.RETR(Number(number));
        const raw = Buffer.from(text, 'latin1');
        await takeReport(raw, addressesOf(raw));
      }
      await client.command('DELE', Number(number));
      taken += 1;
    }
  } finally {
    // Only QUIT makes the deletions stand.
    await client.QUIT();
  }
  return taken;
}
