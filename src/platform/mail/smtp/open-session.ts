import { hostname } from 'node:os';
import type { SmtpReply } from './reply-reader.ts';
import { openChannel, type SmtpChannel } from './smtp-channel.ts';
import type { SmtpServerAddress } from './smtp-server-url.ts';

/** What the server can (RFC 5321, 4.1.1.1). */
export type Capabilities = {
  readonly isPipelining: boolean;
  readonly is8BitMime: boolean;
  readonly isSmtpUtf8: boolean;
  readonly hasSize: boolean;
  /** Undefined: it names no limit. */
  readonly maxMessageBytes: number | undefined;
};

export type OpenSession = { readonly channel: SmtpChannel; readonly capabilities: Capabilities };

/** A refusal of the server that is about us or about itself, never about one recipient. */
export class SmtpSessionError extends Error {
  readonly reply: SmtpReply;
  constructor(step: string, reply: SmtpReply) {
    super(`${step}: ${reply.text}`);
    this.name = 'SmtpSessionError';
    this.reply = reply;
  }
}

export type OpenOptions = {
  readonly server: SmtpServerAddress;
  /** For the connection, and again for each answer until the session is open. */
  readonly timeoutMs: number;
  /** What we call ourselves in EHLO. */
  readonly clientName?: string;
};

type Dialogue = {
  readonly channel: SmtpChannel;
  /** The next reply; `line` is said first. A reply that nobody asked for ends the session. */
  ask(line?: string): Promise<SmtpReply>;
  /** @throws Error when the server said something that nobody asked for */
  checkTurn(): void;
  within<T>(work: Promise<T>): Promise<T>;
  end(): void;
};

/** Connects, greets, turns to TLS and signs in. @throws Error when the session cannot be opened; nothing was sent then. */
export async function openSession({ server, timeoutMs, clientName = ownName() }: OpenOptions): Promise<OpenSession> {
  const dialogue = await startDialogue(server, timeoutMs);
  try {
    expect('greeting', await dialogue.ask(), 220);
    let keywords = await greet(dialogue, clientName);
    if (!server.isImplicitTls && !server.ignoresTls && keywords.has('STARTTLS')) {
      expect('STARTTLS', await dialogue.ask('STARTTLS'), 220);
      // What came behind the answer came in the clear, from anybody: it must not count as said under TLS.
      dialogue.checkTurn();
      await dialogue.within(dialogue.channel.startTls());
      // What was said in the clear does not count (RFC 3207, 4.2).
      keywords = await greet(dialogue, clientName);
    } else if (!server.isImplicitTls && server.requiresTls) {
      throw new Error('the server offers no STARTTLS, and requireTLS is set');
    }
    await signIn(dialogue, server, keywords);
    dialogue.checkTurn();
    return { channel: dialogue.channel, capabilities: capabilitiesOf(keywords) };
  } catch (error) {
    dialogue.channel.destroy();
    throw error;
  } finally {
    dialogue.end();
  }
}

/** A name that others can look up, or the form that says that there is none (RFC 5321, 4.1.3). */
function ownName(): string {
  const name = hostname();
  return /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i.test(name) ? name : '[127.0.0.1]';
}

async function startDialogue(server: SmtpServerAddress, timeoutMs: number): Promise<Dialogue> {
  const early: SmtpReply[] = [];
  let waiting: PromiseWithResolvers<SmtpReply> | undefined;
  const failed = Promise.withResolvers<never>();
  // Whoever waits hears it; nobody may be waiting.
  failed.promise.catch(() => undefined);
  const connected = Promise.withResolvers<void>();
  const channel = openChannel(server, connected.resolve);
  const timer = setTimeout(() => {
    failed.reject(new Error(`no answer within ${timeoutMs} ms`));
    channel.destroy();
  }, timeoutMs);
  channel.listen({
    onReply(reply) {
      // The greeting may come before it is waited for; nothing else may.
      if (waiting === undefined) early.push(reply);
      waiting?.resolve(reply);
      waiting = undefined;
    },
    onEnd: (reason) => failed.reject(reason),
  });
  const within = <T>(work: Promise<T>): Promise<T> => {
    timer.refresh();
    return Promise.race([work, failed.promise]);
  };
  try {
    await within(connected.promise);
  } catch (error) {
    clearTimeout(timer);
    throw error;
  }
  const checkTurn = () => {
    if (early.length > 0) throw new Error(`the server spoke out of turn: ${early[0]?.text}`);
  };
  return {
    channel,
    within,
    checkTurn,
    async ask(line) {
      if (line !== undefined) {
        checkTurn();
        channel.write(`${line}\r\n`);
      }
      const greeting = early.shift();
      if (greeting !== undefined) return greeting;
      waiting = Promise.withResolvers<SmtpReply>();
      return within(waiting.promise);
    },
    end: () => clearTimeout(timer),
  };
}

/** Says EHLO (HELO where that is not known) and gives the keywords of the answer with their parameters. */
async function greet(dialogue: Dialogue, clientName: string): Promise<ReadonlyMap<string, string>> {
  const reply = await dialogue.ask(`EHLO ${clientName}`);
  if (reply.code >= 500) {
    expect('HELO', await dialogue.ask(`HELO ${clientName}`), 250);
    return new Map();
  }
  expect('EHLO', reply, 250);
  const lines = reply.text.split('\n').slice(1);
  return new Map(lines.map((line) => keywordOf(line.slice(4).trim())));
}

function keywordOf(line: string): [string, string] {
  // Old servers say AUTH=PLAIN.
  const [keyword = '', ...rest] = line.split(/[ =]+/);
  return [keyword.toUpperCase(), rest.join(' ')];
}

function capabilitiesOf(keywords: ReadonlyMap<string, string>): Capabilities {
  const size = Number(keywords.get('SIZE') ?? '');
  return {
    isPipelining: keywords.has('PIPELINING'),
    is8BitMime: keywords.has('8BITMIME'),
    isSmtpUtf8: keywords.has('SMTPUTF8'),
    hasSize: keywords.has('SIZE'),
    maxMessageBytes: Number.isSafeInteger(size) && size > 0 ? size : undefined,
  };
}

async function signIn(dialogue: Dialogue, server: SmtpServerAddress, keywords: ReadonlyMap<string, string>): Promise<void> {
  if (server.credentials === undefined) return;
  if (!dialogue.channel.isEncrypted() && !server.ignoresTls && !isLoopback(server.host)) {
    throw new Error('the server offers no TLS, and a password is not sent in the clear unless ignoreTLS=true is set');
  }
  const { user, password } = server.credentials;
  const mechanisms = (keywords.get('AUTH') ?? '').toUpperCase().split(/\s+/);
  if (mechanisms.includes('PLAIN')) {
    expect('AUTH PLAIN', await dialogue.ask(`AUTH PLAIN ${base64(`\u0000${user}\u0000${password}`)}`), 235);
  } else if (mechanisms.includes('LOGIN')) {
    expect('AUTH LOGIN', await dialogue.ask('AUTH LOGIN'), 334);
    expect('AUTH LOGIN', await dialogue.ask(base64(user)), 334);
    expect('AUTH LOGIN', await dialogue.ask(base64(password)), 235);
  } else {
    throw new Error('the server offers no way to sign in that is known here (PLAIN, LOGIN)');
  }
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const isLoopback = (host: string) => host === 'localhost' || host === '::1' || /^127\./.test(host);

function expect(step: string, reply: SmtpReply, code: number): void {
  if (reply.code !== code) throw new SmtpSessionError(step, reply);
}
