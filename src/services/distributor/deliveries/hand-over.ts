import { setTimeout as delay, setImmediate as immediate } from 'node:timers/promises';
import type { Database } from '#platform/database';
import type { MailTransport, OutgoingMail } from '#platform/mail';
import type { Clock } from '#shared/clock';
import { AppError, messageOf } from '#shared/errors';
import { batchesPerProcess } from '../distributor-jobs.ts';
import type { Audience } from '../distributor-types.ts';
import { insertEmailEvent } from '../tracking/engagement-store.ts';
import { claimAt } from './claim.ts';
import { type Claim, type ClaimedDelivery, type DeliveryStatus, moveDeliveries } from './delivery-store.ts';
import { type Handed, type HandOverOutcome, handed } from './outcomes.ts';

const recordRetries = 20;
const recordRetryDelayMs = 1000;

export type HandOverDependencies = {
  readonly database: Database;
  readonly mail: MailTransport;
  readonly subscribers: Pick<Audience, 'markBounced'>;
  readonly clock: Clock;
  readonly countOutcome: (outcome: DeliveryStatus) => void;
};

export type HandOverResult = { readonly accepted: number; readonly isServerDown: boolean };

type Batch = {
  readonly issueId: string;
  readonly claimedBy: string;
  readonly deliveries: readonly ClaimedDelivery[];
  readonly buildMail: (subscriberId: string) => OutgoingMail;
  readonly signal: AbortSignal;
  /** Nothing more is begun from then on. */
  readonly endsAt: Date;
};

type Ready = { readonly delivery: ClaimedDelivery; readonly mail: OutgoingMail };

/**
 * Hands the claimed deliveries to the mail server. One statement at a time records what has come back and marks what goes
 * next, so the faster the server, the more each commit carries, and no message leaves whose mark is not committed. Ends early
 * when the server is down, the issue was paused or time is up; what was not handed over is still claimed then.
 */
export async function handOver(dependencies: HandOverDependencies, batch: Batch): Promise<HandOverResult> {
  const { mail, clock } = dependencies;
  const canLookUp = mail.findByMessageId !== undefined;
  const waiting = [...batch.deliveries];
  const returned: Handed[] = [];
  const underWay = new Set<Promise<void>>();
  const isServerUp = createServerCheck(mail);
  // The process's batches share the connections: a message that waits for one is marked as under way too early.
  const lanes = Math.max(1, Math.floor(mail.maxConnections / batchesPerProcess));
  let accepted = 0;
  let isServerDown = false;
  let hasStopped = false;

  function takeNext(): Ready[] {
    if (hasStopped || isServerDown || batch.signal.aborted || clock.now() >= batch.endsAt) return [];
    return waiting.splice(0, lanes - underWay.size).flatMap((delivery) => {
      try {
        return [{ delivery, mail: batch.buildMail(delivery.subscriberId) }];
      } catch (error) {
        returned.push(handed(clock, delivery, { kind: 'not_rendered', reason: messageOf(error) }, canLookUp));
        return [];
      }
    });
  }

  async function send(ready: Ready, claim: Claim): Promise<HandOverOutcome> {
    // Whoever slept through the lease may no longer hand over: somebody else may have the delivery by now.
    if (clock.now() >= claim.leaseUntil) return { kind: 'unavailable', isServerUp: false, reason: 'the claim had ended' };
    try {
      return await mail.send(ready.mail);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'mail_unavailable')) return { kind: 'unknown', response: messageOf(error) };
      return { kind: 'unavailable', isServerUp: await isServerUp(), reason: messageOf(error) };
    }
  }

  function start(ready: Ready, claim: Claim): void {
    const task = send(ready, claim).then((outcome) => {
      underWay.delete(task);
      if (outcome.kind === 'accepted') accepted += 1;
      if (outcome.kind === 'unavailable' && !outcome.isServerUp) isServerDown = true;
      returned.push(handed(clock, ready.delivery, outcome, canLookUp));
    });
    underWay.add(task);
  }

  for (;;) {
    const next = takeNext();
    if (next.length > 0 || returned.length > 0) {
      const claim = claimAt(clock, batch.issueId, batch.claimedBy);
      const moved = await record(dependencies, claim, returned.splice(0), next);
      for (const ready of moved) start(ready, claim);
      // Paused, cancelled, or the claim was lost.
      if (moved.length < next.length) hasStopped = true;
    } else if (underWay.size === 0) return { accepted, isServerDown };
    if (underWay.size === 0) continue;
    await Promise.race(underWay);
    // Answers come in bunches: those that are here already share one commit.
    await immediate();
  }
}

/** Records what came back and marks what goes next; returns those of `next` that may leave. */
async function record(
  { database, subscribers, clock, countOutcome }: HandOverDependencies,
  claim: Claim,
  returned: readonly Handed[],
  next: readonly Ready[],
): Promise<Ready[]> {
  const transitions = [
    ...returned.flatMap(({ transition }) => transition ?? []),
    ...next.map(
      ({ delivery: { subscriberId } }) => ({ subscriberId, status: 'sending', tries: 0, reason: null, nextAttemptAt: null }) as const,
    ),
  ];
  if (transitions.length === 0) return [];
  const bounces = returned.filter(({ hardBounce }) => hardBounce !== undefined);
  const move = async () => {
    if (bounces.length === 0) return moveDeliveries(database, claim, transitions);
    return database.transaction(async (tx) => {
      const moved = await moveDeliveries(tx, claim, transitions);
      const failed = new Set(moved.filter(({ status }) => status === 'failed').map(({ subscriberId }) => subscriberId));
      for (const { subscriberId, hardBounce } of bounces) {
        if (hardBounce === undefined || !failed.has(subscriberId)) continue;
        await subscribers.markBounced(tx, subscriberId, hardBounce);
        await insertEmailEvent(tx, { id: clock.newId(), type: 'bounce', issueId: claim.issueId, subscriberId, occurredAt: claim.now });
      }
      return moved;
    });
  };
  const moved = await insistently(move);
  for (const { status } of moved) if (status !== 'sending') countOutcome(status);
  const marked = new Set(moved.filter(({ status }) => status === 'sending').map(({ subscriberId }) => subscriberId));
  return next.filter(({ delivery }) => marked.has(delivery.subscriberId));
}

/** What the mail server answered is known only here: an outage of the database must not lose it at once. */
async function insistently<T>(write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof AppError && error.retryable) || attempt > recordRetries) throw error;
      await delay(recordRetryDelayMs);
    }
  }
}

/** Tells a server that is down from one that cannot bear one message; those who ask at the same time share the answer. */
function createServerCheck(mail: MailTransport): () => Promise<boolean> {
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
