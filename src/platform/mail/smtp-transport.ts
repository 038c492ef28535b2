import { isAscii } from 'node:buffer';
import { domainToASCII } from 'node:url';
import type { Logger, Metrics } from '#platform/telemetry';
import { AppError, messageOf } from '#shared/errors';
import type { MailTransport, OutgoingMail, ReadyMail, SendOutcome } from './mail-transport.ts';
import { composeMessage } from './message-composer.ts';
import { createSmtpPool, type SmtpPool } from './smtp/smtp-pool.ts';
import { parseSmtpUrl } from './smtp/smtp-server-url.ts';
import type { SmtpJob } from './smtp/smtp-session.ts';
import { stuffDots } from './smtp/wire-content.ts';

export type SmtpTransportOptions = {
  /** `smtp://[user:password@]host[:port]` or `smtps://…`; parameters: requireTLS, ignoreTLS, localAddress, tls.servername, tls.rejectUnauthorized. */
  readonly url: string;
  /** Stands in the figures where there are several transports. */
  readonly name?: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Signs every message, composed here or ready; a DKIM signer's `sign`. */
  readonly sign?: (message: Buffer) => Promise<Buffer>;
  readonly maxConnections?: number;
  /** A connection is replaced after this many messages. */
  readonly maxMessagesPerConnection?: number;
  /** Commands in groups where the server offers it (RFC 2920). Default: true. */
  readonly isPipelining?: boolean;
  /** What we call ourselves in EHLO; this machine's name unless given. */
  readonly clientName?: string;
  /** For the connection, and for each answer until the session is open. */
  readonly connectTimeoutMs?: number;
  /** How long the server may be silent. */
  readonly silenceTimeoutMs?: number;
  /** How long one message may take altogether, its wait for a connection included. */
  readonly sendTimeoutMs?: number;
  /** A connection without work is closed after so long. */
  readonly idleTimeoutMs?: number;
  /** Given when the server can be asked what it accepted, as the embedded mailbox can. */
  readonly findByMessageId?: MailTransport['findByMessageId'];
};

// What common servers grant one client, and enough that the way there and back is not waited for.
const defaultMaxConnections = 10;

type Rejected = Extract<SendOutcome, { kind: 'rejected' }>;

export function createSmtpTransport(options: SmtpTransportOptions): MailTransport {
  const maxConnections = options.maxConnections ?? defaultMaxConnections;
  const pool = createSmtpPool({
    server: parseSmtpUrl(options.url),
    ...(options.clientName !== undefined && { clientName: options.clientName }),
    isPipelining: options.isPipelining ?? true,
    maxConnections,
    maxMessagesPerConnection: options.maxMessagesPerConnection ?? 500,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    silenceTimeoutMs: options.silenceTimeoutMs ?? 60_000,
    sendTimeoutMs: options.sendTimeoutMs ?? 90_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 30_000,
    onFewerConnections: (error) =>
      options.logger.warn({ err: error, transport: options.name }, 'the mail server takes no further connection'),
  });
  const labels = options.name === undefined ? {} : { transport: options.name };
  const sent = options.metrics.counter('aquascene_mail_sent_total', 'Messages handed to the mail server', ['outcome', 'transport']);
  const duration = options.metrics.histogram('aquascene_mail_send_seconds', 'Time for the mail server to answer', ['transport']);

  async function deliver(mail: ReadyMail): Promise<SendOutcome> {
    const startedAt = performance.now();
    let outcome: SendOutcome['kind'] | 'unavailable' = 'unavailable';
    try {
      const answer = await handOver(pool, mail, options.sign);
      outcome = answer.kind;
      return answer;
    } finally {
      duration.observe(labels, (performance.now() - startedAt) / 1000);
      sent.inc({ ...labels, outcome });
    }
  }

  return {
    maxConnections,
    deliver,
    async send(message) {
      const raw = tryToCompose(message);
      if ('byteLength' in raw) return deliver({ envelope: envelopeOf(message), messageId: message.messageId, raw });
      sent.inc({ ...labels, outcome: raw.kind });
      return raw;
    },
    ...(options.findByMessageId && { findByMessageId: options.findByMessageId }),
    async verify() {
      await pool.verify().catch((error: unknown) => {
        throw unavailable(error);
      });
    },
    close: () => pool.close(),
  };
}

const envelopeOf = ({ from, to }: OutgoingMail) => ({ from: from.address, to: to.address });

function tryToCompose(message: OutgoingMail): Buffer | Rejected {
  try {
    return composeMessage(message);
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_request') return refuse(553, null, error.message);
    throw error;
  }
}

/** What no server needs to be asked. */
function refuse(code: number, enhancedCode: string | null, why: string): Rejected {
  return { kind: 'rejected', temporary: false, code, enhancedCode, response: `not sent: ${why}` };
}

async function handOver(pool: SmtpPool, { envelope, raw }: ReadyMail, sign: SmtpTransportOptions['sign']): Promise<SendOutcome> {
  const from = envelope.from === '' ? '' : wireAddress(envelope.from);
  const to = wireAddress(envelope.to);
  if (from === undefined || to === undefined) return refuse(553, null, `the ${from === undefined ? 'sender' : 'recipient'} is no address`);
  const startedAt = performance.now();
  const signed = sign === undefined ? raw : await sign(raw).catch((error: unknown) => Promise.reject(unavailable(error)));
  const { promise, resolve, reject } = Promise.withResolvers<SendOutcome>();
  const is8Bit = !isAscii(signed);
  const job: SmtpJob = {
    from,
    to,
    is8Bit,
    needsSmtpUtf8: !isPlain(from) || !isPlain(to) || (is8Bit && !isAscii(signed.subarray(0, Math.max(signed.indexOf('\r\n\r\n'), 0)))),
    content: stuffDots(signed),
    startedAt,
    losses: 0,
    isSettled: false,
    settle: resolve,
    fail: (error) => reject(unavailable(error)),
  };
  pool.submit(job);
  return promise;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all that is not ASCII
const isPlain = (address: string) => /^[\u0000-\u007f]*$/.test(address);

/** The address as it stands in an envelope, its domain in ASCII; undefined when it could be read as more than one argument. */
function wireAddress(address: string): string | undefined {
  const at = address.lastIndexOf('@');
  if (at < 1 || at === address.length - 1 || /[\s<>\p{Cc}]/u.test(address)) return undefined;
  if (isPlain(address)) return address;
  const domain = domainToASCII(address.slice(at + 1));
  return domain === '' ? undefined : `${address.slice(0, at + 1)}${domain}`;
}

function unavailable(error: unknown): AppError {
  return new AppError('mail_unavailable', `The mail server cannot be used: ${messageOf(error)}`, {
    status: 503,
    retryable: true,
    retryAfterSeconds: 10,
    cause: error,
  });
}
