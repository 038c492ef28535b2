import type { SendOutcome } from '../mail-transport.ts';
import { classifyRefusal } from '../smtp-reply.ts';
import { type Capabilities, type OpenSession, SmtpSessionError } from './open-session.ts';
import type { SmtpReply } from './reply-reader.ts';

/*
 * One message on one connection:
 *
 *   group (RSET?, MAIL, RCPT, DATA) ─▶ 354 ─▶ content and final dot ─▶ 2xx accepted
 *     │                                 │                            ├▶ 4xx, 5xx rejected
 *     │ refused: rejected               │                            └▶ nothing: unknown
 *     └ connection lost: surely not taken; tried again elsewhere
 *
 * Where the server pipelines (RFC 2920), a group is one packet, and the group of the next message goes behind the final dot
 * of this one. Its content waits for 354, and so for the answer to this message: whatever happens, the server can have
 * taken no more than the one message whose content was sent last.
 */

export type SmtpJob = {
  /** Bare addresses, checked. */
  readonly from: string;
  readonly to: string;
  readonly needsSmtpUtf8: boolean;
  readonly is8Bit: boolean;
  /** As it goes over the wire: dots doubled, the final one not there yet. */
  readonly content: Buffer;
  /** By `performance.now()`; its waiting counts. */
  readonly startedAt: number;
  /** How often a connection ended under it. */
  losses: number;
  isSettled: boolean;
  settle(outcome: SendOutcome): void;
  /** Surely not taken. */
  fail(reason: Error): void;
};

export type SessionOwner = {
  /** The next message that waits, if there is one. */
  next(): SmtpJob | undefined;
  /** One that would wait anyway: connections that are being opened have enough without it. */
  surplus(): SmtpJob | undefined;
  /** The session has nothing to do. */
  onIdle(session: SmtpSession): void;
  /** It is gone. `unsent`: surely not taken, in their order. */
  onEnd(session: SmtpSession, unsent: readonly SmtpJob[], reason: Error): void;
};

export type SmtpSession = {
  /** From here on the owner hears of its end. */
  listen(): void;
  start(job: SmtpJob): void;
  /** Since when nothing was heard though something was waited for, or nothing was to be done. By `performance.now()`. */
  readonly quietSince: () => number;
  readonly oldestJob: () => SmtpJob | undefined;
  /** `hopeless`: this job is not tried again. */
  abort(reason: Error, hopeless?: SmtpJob): void;
  /** Only when it is idle. It has ended when the server has closed, too. */
  quit(): void;
};

type Step = 'rset' | 'mail' | 'rcpt' | 'data' | 'content';
type Awaited = { readonly step: Step; readonly job: SmtpJob };

const followingStep = { rset: 'mail', mail: 'rcpt', rcpt: 'data' } as const;
const maxResponseLength = 1000;
// Answers to MAIL that are about our sign-in (RFC 4954), not about the message.
const signInCodes = new Set([530, 534, 535, 538]);

const isPositive = ({ code }: SmtpReply) => code >= 200 && code < 300;
const isRefusal = ({ code }: SmtpReply) => code >= 400;
const refusalOf = ({ code, text }: SmtpReply) => classifyRefusal(code, text.slice(0, maxResponseLength));

export function createSmtpSession(options: {
  readonly open: OpenSession;
  readonly owner: SessionOwner;
  readonly isPipelining: boolean;
  readonly maxMessages: number;
}): SmtpSession {
  const { owner, maxMessages } = options;
  const { channel, capabilities } = options.open;
  const isPipelining = options.isPipelining && capabilities.isPipelining;
  /** Replies that are still to come, in their order. */
  const awaited: Awaited[] = [];
  let messages = 0;
  let isReused = false;
  let needsReset = false;
  let hasEnded = false;
  let quietSince = performance.now();

  const session: SmtpSession = {
    listen: () => channel.listen({ onReply, onEnd: (reason) => end(reason) }),
    start,
    quietSince: () => quietSince,
    oldestJob: () => awaited[0]?.job,
    abort: end,
    quit() {
      hasEnded = true;
      channel.end('QUIT\r\n');
      void channel.closed.then(() => owner.onEnd(session, [], new Error('closed by us')));
    },
  };
  return session;

  function start(job: SmtpJob): void {
    if (isRefusedUnasked(job)) proceed();
    else begin(job);
  }

  function begin(job: SmtpJob): void {
    quietSince = performance.now();
    channel.write(commandsOf(job));
  }

  function isRefusedUnasked(job: SmtpJob): boolean {
    const refusal = findObstacle(job, capabilities);
    if (refusal !== undefined) settle(job, refusal);
    return refusal !== undefined;
  }

  function takeNext(take: () => SmtpJob | undefined): SmtpJob | undefined {
    let job = messages < maxMessages ? take() : undefined;
    while (job !== undefined && isRefusedUnasked(job)) job = take();
    return job;
  }

  /** What opens the transaction; without pipelining its first command. */
  function commandsOf(job: SmtpJob): string {
    messages += 1;
    const steps: Step[] = needsReset ? ['rset', 'mail', 'rcpt', 'data'] : ['mail', 'rcpt', 'data'];
    needsReset = false;
    const sent = isPipelining ? steps : steps.slice(0, 1);
    for (const step of sent) awaited.push({ step, job });
    return sent.map((step) => commandOf(step, job)).join('');
  }

  function commandOf(step: Step, job: SmtpJob): string {
    if (step === 'rset') return 'RSET\r\n';
    if (step === 'rcpt') return `RCPT TO:<${job.to}>\r\n`;
    if (step === 'data') return 'DATA\r\n';
    const size = capabilities.hasSize ? ` SIZE=${job.content.length}` : '';
    const body = job.is8Bit ? ' BODY=8BITMIME' : '';
    return `MAIL FROM:<${job.from}>${size}${body}${job.needsSmtpUtf8 ? ' SMTPUTF8' : ''}\r\n`;
  }

  function onReply(reply: SmtpReply): void {
    if (hasEnded) return;
    const current = awaited.shift();
    quietSince = performance.now();
    if (current === undefined) end(new Error(`the server spoke out of turn: ${reply.text}`));
    else if (current.step === 'content') onContentReply(current.job, reply);
    else if (reply.code === 421) onShutdown(current, reply);
    else if (current.step === 'data') onDataReply(current.job, reply);
    else if (!isPositive(reply)) onRefusal(current, reply);
    else if (!isPipelining) say(followingStep[current.step], current.job);
  }

  function say(step: Step, job: SmtpJob): void {
    awaited.push({ step, job });
    channel.write(commandOf(step, job));
  }

  function settle(job: SmtpJob, outcome: SendOutcome): void {
    if (job.isSettled) return;
    job.isSettled = true;
    job.settle(outcome);
  }

  /** MAIL or RCPT was not taken. A group that left as a whole still gets its other answers. */
  function onRefusal({ step, job }: Awaited, reply: SmtpReply): void {
    if (step === 'rset' || !isRefusal(reply)) {
      end(new SmtpSessionError(step.toUpperCase(), reply), undefined, job);
      return;
    }
    if (step === 'mail' && signInCodes.has(reply.code)) failJob(job, new SmtpSessionError('MAIL', reply));
    settle(job, refusalOf(reply));
    needsReset = true;
    if (!isPipelining) proceed();
  }

  function failJob(job: SmtpJob, reason: Error): void {
    if (job.isSettled) return;
    job.isSettled = true;
    job.fail(reason);
  }

  function onDataReply(job: SmtpJob, reply: SmtpReply): void {
    if (isRefusal(reply)) {
      settle(job, refusalOf(reply));
      needsReset = true;
      proceed();
    } else if (reply.code !== 354) end(new SmtpSessionError('DATA', reply), undefined, job);
    // It asks for the content though it refused the sender or the recipient: what it would do with one is not to be tried.
    else if (job.isSettled) end(new Error('the server asked for a message that it had refused'));
    else sendContent(job);
  }

  function sendContent(job: SmtpJob): void {
    awaited.push({ step: 'content', job });
    const following = isPipelining ? takeNext(owner.surplus) : undefined;
    channel.writeAll([job.content, following === undefined ? '.\r\n' : `.\r\n${commandsOf(following)}`]);
  }

  function onContentReply(job: SmtpJob, reply: SmtpReply): void {
    isReused = true;
    if (isPositive(reply)) {
      settle(job, { kind: 'accepted', response: reply.text.slice(0, maxResponseLength) });
      proceed();
    } else if (isRefusal(reply)) {
      settle(job, refusalOf(reply));
      // Refused while it is still being written: the rest would be read as commands.
      if (reply.code === 421 || !channel.hasLeftWhole()) end(new SmtpSessionError('DATA', reply));
      else proceed();
    } else {
      awaited.unshift({ step: 'content', job });
      end(new SmtpSessionError('DATA', reply));
    }
  }

  /** 421: the server closes. On a connection that has served already it is the connection's end, which concerns no message. */
  function onShutdown(current: Awaited, reply: SmtpReply): void {
    const reason = new SmtpSessionError(current.step.toUpperCase(), reply);
    const isBetweenMessages = isReused && (current.step === 'mail' || current.step === 'rset');
    if (!isBetweenMessages) settle(current.job, refusalOf(reply));
    end(reason, undefined, current.job);
  }

  function proceed(): void {
    // The next group is under way already, or what is left of a refused one.
    if (awaited.length > 0 || hasEnded) return;
    isReused = true;
    const job = takeNext(owner.next);
    if (job !== undefined) begin(job);
    else if (messages < maxMessages) owner.onIdle(session);
    else session.quit();
  }

  function end(reason: Error, hopeless?: SmtpJob, also?: SmtpJob): void {
    if (hasEnded) return;
    hasEnded = true;
    const wasWhole = channel.hasLeftWhole();
    const jobs = new Set(also === undefined ? [] : [also]);
    for (const { step, job } of awaited) {
      // Its final dot may have arrived. What the kernel never got is surely not there.
      if (step === 'content' && wasWhole) settle(job, { kind: 'unknown', response: reason.message });
      jobs.add(job);
    }
    awaited.length = 0;
    channel.destroy();
    if (hopeless !== undefined) failJob(hopeless, reason);
    owner.onEnd(
      session,
      [...jobs].filter(({ isSettled }) => !isSettled),
      reason,
    );
  }
}

/** Why a server with these capabilities cannot take the message; to ask it would only cost an answer. */
function findObstacle(job: SmtpJob, capabilities: Capabilities): SendOutcome | undefined {
  const refuse = (code: number, enhancedCode: string, why: string): SendOutcome => {
    return { kind: 'rejected', temporary: false, code, enhancedCode, response: `not sent: ${why}` };
  };
  const { isSmtpUtf8, is8BitMime, maxMessageBytes = Number.POSITIVE_INFINITY } = capabilities;
  if (job.needsSmtpUtf8 && !isSmtpUtf8) return refuse(553, '5.6.7', 'the server takes no addresses beyond ASCII (SMTPUTF8)');
  if (job.is8Bit && !is8BitMime) return refuse(554, '5.6.3', 'the server takes no 8-bit text (8BITMIME)');
  if (job.content.length > maxMessageBytes) return refuse(552, '5.3.4', `the server takes no more than ${maxMessageBytes} bytes`);
  return undefined;
}
