import type { Readable } from 'node:stream';
import { createTransport } from 'nodemailer';
import type { Logger, Metrics } from '#platform/telemetry';
import { AppError, messageOf } from '#shared/errors';
import { findHeaderFault } from './header-check.ts';
import type { MailAddress, MailTransport, OutgoingMail, SendOutcome } from './mail-transport.ts';
import { composeMessage } from './message-composer.ts';
import { classifyRefusal } from './smtp-reply.ts';

export type SmtpTransportOptions = {
  /** `smtp://[user:password@]host[:port]` or `smtps://…`. */
  readonly url: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly maxConnections?: number;
  /** A connection is replaced after this many messages. */
  readonly maxMessagesPerConnection?: number;
  readonly connectTimeoutMs?: number;
  /** How long the server may be silent. */
  readonly silenceTimeoutMs?: number;
  /** How long one message may take altogether, its wait for a connection included. */
  readonly sendTimeoutMs?: number;
  /** Given when the server can be asked what it accepted, as the embedded mailbox can. */
  readonly findByMessageId?: MailTransport['findByMessageId'];
};

type SmtpError = { readonly code?: string; readonly responseCode?: number; readonly response?: string; readonly command?: string };

// What common servers grant one client, and enough that the way there and back is not waited for.
const defaultMaxConnections = 10;

// Refusals in these steps are about us or the server, never about one recipient.
const isSessionStep = (command: string | undefined) => command !== undefined && /^(AUTH|EHLO|HELO|STARTTLS)/.test(command);

export function createSmtpTransport(options: SmtpTransportOptions): MailTransport {
  const connectTimeoutMs = options.connectTimeoutMs ?? 10_000;
  const sendTimeoutMs = options.sendTimeoutMs ?? 90_000;
  const maxConnections = options.maxConnections ?? defaultMaxConnections;
  const transporter = createTransport({
    url: options.url,
    pool: true,
    maxConnections,
    maxMessages: options.maxMessagesPerConnection ?? 500,
    // The pool requeues only what has not left by a single byte (a connection that had died while idle).
    maxRequeues: 2,
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    socketTimeout: options.silenceTimeoutMs ?? 60_000,
    idleTimeout: 30_000,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const sent = options.metrics.counter('aquascene_mail_sent_total', 'Messages handed to the mail server', ['outcome']);
  const duration = options.metrics.histogram('aquascene_mail_send_seconds', 'Time for the mail server to answer');

  // The message's stream is read only after the server asked for it (354): whether it was read, and to its end, says what
  // the server can have. nodemailer's errors alone do not.
  const streams = new Map<string, Readable>();
  transporter.use('stream', (mail, done) => {
    const { messageId } = mail.data;
    const createReadStream = mail.message.createReadStream.bind(mail.message);
    mail.message.createReadStream = (streamOptions) => {
      const stream = createReadStream(streamOptions);
      if (messageId !== undefined) streams.set(messageId, stream);
      return stream;
    };
    done();
  });

  const hasLeftWhole = (messageId: string) => streams.get(messageId)?.readableEnded === true;

  function outcomeOf(error: unknown, messageId: string): SendOutcome {
    const { code, responseCode, response, command } = error as SmtpError;
    if (typeof responseCode === 'number' && responseCode >= 400 && !isSessionStep(command)) {
      return classifyRefusal(responseCode, response ?? messageOf(error));
    }
    if (responseCode === undefined && (code === 'EENVELOPE' || code === 'EMESSAGE')) {
      return { kind: 'rejected', temporary: false, code: code === 'EMESSAGE' ? 552 : 553, enhancedCode: null, response: messageOf(error) };
    }
    if (hasLeftWhole(messageId)) return { kind: 'unknown', response: messageOf(error) };
    throw unavailable(error);
  }

  return {
    maxConnections,
    async send(message) {
      const fault = findHeaderFault(message);
      if (fault !== undefined) {
        sent.inc({ outcome: 'rejected' });
        return { kind: 'rejected', temporary: false, code: 553, enhancedCode: null, response: `not sent: ${fault}` };
      }
      const endTimer = duration.startTimer();
      let label = 'unavailable';
      try {
        const outcome = await deliver(message);
        label = outcome.kind;
        return outcome;
      } finally {
        endTimer();
        sent.inc({ outcome: label });
        streams.delete(message.messageId);
      }
    },
    ...(options.findByMessageId && { findByMessageId: options.findByMessageId }),
    async verify() {
      await transporter.verify().catch((error: unknown) => {
        throw unavailable(error);
      });
    },
    async close() {
      transporter.close();
    },
  };

  async function deliver(message: OutgoingMail): Promise<SendOutcome> {
    // Not AbortSignal.timeout: its timers would stay for their whole time after the message has long been taken.
    const overdue = new AbortController();
    const timer = setTimeout(() => overdue.abort(new Error(`not answered within ${sendTimeoutMs} ms`)), sendTimeoutMs);
    try {
      const info = await transporter.sendMail({
        raw: composeMessage(message),
        envelope: { from: addressOnly(message.from), to: addressOnly(message.to) },
        messageId: message.messageId,
        signal: overdue.signal,
      });
      return { kind: 'accepted', response: info.response };
    } catch (error) {
      return outcomeOf(overdue.signal.aborted ? overdue.signal.reason : error, message.messageId);
    } finally {
      clearTimeout(timer);
    }
  }
}

const addressOnly = ({ address }: MailAddress) => ({ name: '', address });

function unavailable(error: unknown): AppError {
  return new AppError('mail_unavailable', `The mail server cannot be used: ${messageOf(error)}`, {
    status: 503,
    retryable: true,
    retryAfterSeconds: 10,
    cause: error,
  });
}
