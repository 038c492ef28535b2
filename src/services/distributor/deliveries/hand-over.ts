import type { MailRouter, MailTransport, Permit, ReadyMail, SendOutcome } from '#platform/mail';
import { AppError, messageOf } from '#shared/errors';
import { batchesPerProcess } from '../distributor-jobs.ts';
import type { Issue } from '../distributor-types.ts';
import { claimAt } from './claim.ts';
import { createHostPaces } from './host-paces.ts';
import { type HandOverOutcome, handed } from './outcomes.ts';
import { type RecordDependencies, type Returned, recordResults } from './record-results.ts';
import type { Supply, Waiting } from './supply.ts';

const gatherMs = 3;

/** A transport, or several behind a router, which knows limits. */
export type Sending = Pick<MailTransport, 'maxConnections' | 'verify' | 'findByMessageId'> & {
  deliver(mail: ReadyMail, permit?: Permit): Promise<SendOutcome>;
  readonly reserve?: MailRouter['reserve'];
  readonly release?: MailRouter['release'];
};

export type HandOverDependencies = RecordDependencies & { readonly mail: Sending };

export type HandOverResult = { readonly accepted: number; readonly isServerDown: boolean };

type Batch = {
  readonly issue: Issue;
  readonly claimedBy: string;
  readonly supply: Supply;
  /** Writes a recipient's mail, or says why it cannot be written. */
  readonly buildMail: (waiting: Waiting) => ReadyMail;
  readonly signal: AbortSignal;
  /** Nothing more is begun from then on. */
  readonly endsAt: Date;
};

type Ready = Waiting & { readonly mail: ReadyMail; readonly permit: Permit | undefined };

/**
 * Hands what the supply claims to the mail server. One statement at a time records what has come back and marks what goes next,
 * so the faster the server, the more each commit carries, and no message leaves whose mark is not committed. Ends when nothing
 * is left, and early when the server is down, the issue was paused or time is up; what was not handed over is still claimed then.
 */
export async function handOver(dependencies: HandOverDependencies, batch: Batch): Promise<HandOverResult> {
  const { mail, clock } = dependencies;
  const { issue, supply } = batch;
  const doubtRules = { canLookUp: mail.findByMessageId !== undefined, onUncertain: issue.onUncertain };
  const isServerUp = createServerCheck(mail);
  const paces = createHostPaces(clock);
  // The process's batches share the connections: a message that waits for one is marked as under way too early.
  const lanes = Math.max(1, Math.floor(mail.maxConnections / batchesPerProcess));
  let returned: Returned[] = [];
  let underWay = 0;
  let accepted = 0;
  let isServerDown = false;
  let hasStopped = false;
  let bell = Promise.withResolvers<void>();
  let enough = Promise.withResolvers<void>();

  const giveBack = (waiting: Waiting, outcome: HandOverOutcome) => {
    returned.push({ waiting, ...handed(clock, waiting.delivery, outcome, doubtRules) });
  };

  /** As many as there are free lanes, with their mails written. */
  function takeNext(): Ready[] {
    const now = clock.now();
    const next: Ready[] = [];
    while (underWay + next.length < lanes && !isOver(now)) {
      const waiting = supply.take(now);
      if (waiting === undefined) break;
      try {
        next.push({ ...waiting, mail: batch.buildMail(waiting), permit: undefined });
      } catch (error) {
        giveBack(waiting, { kind: 'not_rendered', reason: messageOf(error) });
      }
    }
    return next;
  }

  const isOver = (now: Date) => hasStopped || isServerDown || batch.signal.aborted || now >= batch.endsAt;

  /** Leave for each, where there are limits; what has none yet goes back into the queue, and holds up nobody. */
  async function withPermits(next: readonly Ready[]): Promise<Ready[]> {
    if (mail.reserve === undefined || next.length === 0) return [...next];
    const leaves = await mail.reserve(next.map(({ host }) => ({ host })));
    return next.flatMap((ready, index) => {
      const leave = leaves[index];
      if (leave?.kind === 'permit') {
        paces.granted(ready.host);
        return [{ ...ready, permit: leave }];
      }
      giveBack(ready, { kind: 'held_up', until: paces.heldUp(ready.host, leave?.until ?? clock.now()) });
      return [];
    });
  }

  async function send(ready: Ready): Promise<HandOverOutcome> {
    // Whoever slept through the lease may no longer hand over: somebody else may have the delivery by now.
    if (clock.now() >= ready.leaseUntil) return { kind: 'unavailable', isServerUp: false, reason: 'the claim had ended' };
    try {
      return await mail.deliver(ready.mail, ready.permit);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'mail_unavailable')) return { kind: 'unknown', response: messageOf(error) };
      return { kind: 'unavailable', isServerUp: await isServerUp(), reason: messageOf(error) };
    }
  }

  function start(ready: Ready): void {
    underWay += 1;
    send(ready).then((outcome) => {
      underWay -= 1;
      if (outcome.kind === 'accepted') accepted += 1;
      if (outcome.kind === 'unavailable' && !outcome.isServerUp) isServerDown = true;
      giveBack(ready, outcome);
      bell.resolve();
      if (returned.length >= underWay) enough.resolve();
    });
  }

  /** Answers come in bunches: a moment is waited for half of what is under way, which then shares one commit. */
  async function gather(): Promise<void> {
    if (returned.length >= underWay) return;
    enough = Promise.withResolvers();
    const timer = setTimeout(enough.resolve, gatherMs);
    await enough.promise;
    clearTimeout(timer);
  }

  async function recordAndStart(next: readonly Ready[]): Promise<void> {
    const results = returned;
    returned = [];
    const moved = await recordResults(dependencies, claimAt(clock, issue.id, batch.claimedBy), results, next);
    const unused: Permit[] = [];
    for (const ready of next) {
      if (moved.has(ready.delivery.subscriberId)) start(ready);
      // Paused, cancelled, or the claim was lost.
      else {
        hasStopped = true;
        if (ready.permit !== undefined) unused.push(ready.permit);
      }
    }
    if (unused.length > 0) mail.release?.(unused);
  }

  for (;;) {
    if (!isOver(clock.now())) supply.refill(() => bell.resolve());
    bell = Promise.withResolvers();
    const next = await withPermits(takeNext());
    if (next.length > 0 || returned.length > 0) await recordAndStart(next);
    else if (underWay === 0) {
      // What a claim brings that is still on its way is either sent or given back with the rest.
      if (!(await supply.settled()) || isOver(clock.now())) return { accepted, isServerDown };
      continue;
    }
    if (underWay === 0) continue;
    if (returned.length === 0) await bell.promise;
    await gather();
  }
}

/** Tells a server that is down from one that cannot bear one message; those who ask at the same time share the answer. */
function createServerCheck(mail: Pick<MailTransport, 'verify'>): () => Promise<boolean> {
  let running: Promise<boolean> | undefined;
  return () => {
    running ??= mail
      .verify()
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        running = undefined;
      });
    return running;
  };
}
