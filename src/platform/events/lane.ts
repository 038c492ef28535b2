/**
 * A lane is what one at a time handles in order: all events of a subscriber (PostgreSQL), those of one partition (Redis), or
 * a replay. Its lock is a row of the database, held for the transaction in which the events are handled and the offset is
 * moved: whoever else comes meanwhile passes by, and who dies lets go with the connection.
 *
 *     lock ─▶ a failed event whose next try is due?  ── yes ─▶ handle it alone
 *        └──▶ read what follows the offset ─▶ handle, or put behind the failed ones of the same aggregate ─▶ move the offset
 *
 * A batch in which a handler fails is rolled back, and its events are handled again one by one, each in a transaction of its
 * own: then it is known which one fails, also when only the commit does.
 */
import { type Database, isDatabaseOutage, type Transaction } from '#platform/database';
import type { Logger, Metrics } from '#platform/telemetry';
import { messageOf } from '#shared/errors';
import { compareKeys, type EventKey } from './event-key.ts';
import type { EventSettings } from './event-settings.ts';
import type { Subscription } from './event-types.ts';
import {
  addFailed,
  addWaiting,
  type FailedEvent,
  findBlockedAggregates,
  type OutboxEvent,
  removeFailure,
  takeDueFailure,
  updateFailed,
} from './failure-store.ts';

export type LaneState = {
  readonly offset: EventKey;
  /** Until a failed event is tried again; null when none is. */
  readonly retryInMs: number | null;
  /** Past events go first: nothing new is handled meanwhile. */
  readonly isReplaying: boolean;
};

export type LaneBatch = {
  /** In order, of the subscription's types only. */
  readonly events: readonly OutboxEvent[];
  /** Where the offset stands when they are handled; undefined when it stays. */
  readonly upTo: EventKey | undefined;
  /** What to do when nothing was read. */
  readonly whenEmpty: 'wait' | 'look_soon' | 'look_again';
  /** After the commit. */
  readonly settle?: () => Promise<void>;
};

export type Lane<S extends LaneState = LaneState> = {
  readonly subscription: Subscription;
  readonly partition: number | undefined;
  /** Undefined when another has it. */
  lock(tx: Transaction): Promise<S | undefined>;
  read(tx: Transaction, state: S, limit: number): Promise<LaneBatch>;
  move(tx: Transaction, upTo: EventKey): Promise<void>;
};

/** `soon`: events wait for an older transaction to end, which nobody tells. */
export type LaneOutcome =
  | { readonly kind: 'worked' | 'busy' | 'soon' | 'replaying' }
  | { readonly kind: 'idle'; readonly retryInMs: number | null };

/** How long a lane that has nothing to do may sleep, in ms. */
export function pauseUntilRetry(outcome: LaneOutcome, longestMs: number): number {
  if (outcome.kind !== 'idle' || outcome.retryInMs === null) return longestMs;
  return Math.max(1, Math.min(longestMs, outcome.retryInMs));
}

type LaneDependencies = {
  readonly database: Database;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly settings: EventSettings;
};

type Attempt = { readonly outcome: LaneOutcome; readonly handled: readonly OutboxEvent[]; readonly settle?: () => Promise<void> };

const longestErrorText = 2000;

/** The function that handles one batch of the lane. Failures that are no handler's are thrown: an outage, mostly. */
export function createLaneRunner<S extends LaneState>(lane: Lane<S>, dependencies: LaneDependencies): () => Promise<LaneOutcome> {
  const { database, logger, settings } = dependencies;
  const { subscription } = lane;
  const { subscriber } = subscription;
  const line = { subscriber, partition: lane.partition };
  const handled = dependencies.metrics.counter('aquascene_events_total', 'Events handled', ['subscriber', 'type']);
  const failed = dependencies.metrics.counter('aquascene_events_failed_total', 'Failed tries to handle an event', ['subscriber', 'type']);
  const dead = dependencies.metrics.counter('aquascene_events_dead_total', 'Events that became dead letters', ['subscriber', 'type']);
  // After a failure: events that are still handled one by one.
  let oneByOne = 0;

  async function handleDueFailure(tx: Transaction, event: FailedEvent): Promise<Attempt> {
    await subscription.handle(event, tx);
    await removeFailure(tx, subscriber, event);
    return { outcome: { kind: 'worked' }, handled: [event] };
  }

  async function handleEvents(tx: Transaction, events: readonly OutboxEvent[], onEvent: (event: OutboxEvent) => void) {
    if (events.length === 0) return [];
    const aggregates = [...new Set(events.map(({ aggregateId }) => aggregateId))];
    const blocked = await findBlockedAggregates(tx, subscriber, aggregates);
    const done: OutboxEvent[] = [];
    for (const event of events) {
      if (blocked.has(event.aggregateId)) {
        await addWaiting(tx, subscriber, event);
        continue;
      }
      onEvent(event);
      await subscription.handle(event, tx);
      done.push(event);
    }
    return done;
  }

  async function handleNext(tx: Transaction, state: S, limit: number, onEvent: (event: OutboxEvent) => void): Promise<Attempt> {
    const { events, upTo, whenEmpty, settle } = await lane.read(tx, state, limit);
    const done = await handleEvents(tx, events, onEvent);
    if (upTo !== undefined) await lane.move(tx, upTo);
    const attempt = { handled: done, ...(settle && { settle }) };
    if (upTo !== undefined || whenEmpty === 'look_again') return { ...attempt, outcome: { kind: 'worked' } };
    return { ...attempt, outcome: whenEmpty === 'look_soon' ? { kind: 'soon' } : { kind: 'idle', retryInMs: state.retryInMs } };
  }

  function judge(event: OutboxEvent, attempts: number, error: unknown) {
    const isDead = attempts >= settings.maxAttempts;
    const labels = { subscriber, type: event.type };
    failed.inc(labels);
    if (isDead) dead.inc(labels);
    const fields = { err: error, subscriber, type: event.type, eventId: event.id, attempts };
    if (isDead) logger.error(fields, 'an event could not be handled and is a dead letter now');
    else logger.warn(fields, 'handling an event failed; it is tried again');
    return {
      isDead,
      error: messageOf(error).replaceAll('\u0000', '').slice(0, longestErrorText),
      delayMs: Math.min(settings.maxRetryDelayMs, settings.retryDelayMs * 2 ** (attempts - 1)),
    };
  }

  async function keepFailure(event: OutboxEvent | FailedEvent, error: unknown): Promise<void> {
    const verdict = judge(event, 'attempts' in event ? event.attempts + 1 : 1, error);
    await database.transaction(async (tx) => {
      const state = await lane.lock(tx);
      // Another has the lane by now: it meets the event too.
      if (state === undefined) return;
      if ('attempts' in event) return updateFailed(tx, subscriber, event, verdict);
      if (compareKeys(event, state.offset) <= 0) return;
      await addFailed(tx, subscriber, event, verdict);
      await lane.move(tx, event);
    });
  }

  return async function handleBatch(): Promise<LaneOutcome> {
    const limit = oneByOne > 0 ? 1 : settings.batchSize;
    let current: OutboxEvent | undefined;
    const onEvent = (event: OutboxEvent) => {
      current = event;
    };
    let isRetry = false;
    let attempt: Attempt;
    try {
      attempt = await database.transaction(async (tx): Promise<Attempt> => {
        const state = await lane.lock(tx);
        if (state === undefined) return { outcome: { kind: 'busy' }, handled: [] };
        if (state.isReplaying) return { outcome: { kind: 'replaying' }, handled: [] };
        const due = state.retryInMs !== null && state.retryInMs <= 0 ? await takeDueFailure(tx, line) : undefined;
        if (due === undefined) return handleNext(tx, state, limit, onEvent);
        isRetry = true;
        onEvent(due);
        return handleDueFailure(tx, due);
      });
    } catch (error) {
      if (current === undefined || isDatabaseOutage(error)) throw error;
      if (limit === 1 || isRetry) await keepFailure(current, error);
      else oneByOne = settings.batchSize;
      return { kind: 'worked' };
    }
    if (oneByOne > 0 && !isRetry) oneByOne -= 1;
    for (const { type } of attempt.handled) handled.inc({ subscriber, type });
    await attempt.settle?.();
    return attempt.outcome;
  };
}
