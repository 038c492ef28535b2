import type { Transaction } from '#platform/database';

/** `type` is past tense (`article.published`); events of one `aggregateId` arrive in the order of their commits. */
export type NewEvent = { readonly type: string; readonly aggregateId: string; readonly payload: object };

export type StoredEvent = NewEvent & { readonly id: string; readonly position: number; readonly occurredAt: Date };

/**
 * A subscriber's handler runs inside the transaction that also keeps how far the subscriber is, so what it writes through
 * `transaction` happens exactly once. Anything else it does may happen twice.
 *
 * A handler that throws is tried again, ever later; meanwhile later events of the same aggregate wait behind, and all other
 * aggregates go on. After the last try the event is a dead letter, and those behind it wait until it is redriven or discarded.
 */
export type Subscription = {
  readonly subscriber: string;
  readonly types: readonly string[];
  readonly handle: (event: StoredEvent, transaction: Transaction) => Promise<void>;
};

export type EventDriver = 'postgres' | 'redis';

export type SubscriberState = {
  readonly subscriber: string;
  readonly types: readonly string[];
  /** Events that it has not handled yet; counting stops at `maxCountedLag`. Those that failed are not among them. */
  readonly lag: number;
  /** Age of the oldest of them; 0 when there is none. */
  readonly lagSeconds: number;
  /** Events that are tried again, with those of the same aggregates that wait behind them and behind dead letters. */
  readonly retrying: number;
  readonly waiting: number;
  readonly deadLetters: number;
  readonly isReplaying: boolean;
  readonly seenAt: Date;
};

export type DeadLetter = NewEvent & {
  readonly subscriber: string;
  readonly id: string;
  readonly occurredAt: Date;
  readonly attempts: number;
  /** Of the last attempt. */
  readonly error: string;
  readonly failedAt: Date;
  /** Later events of the same aggregate, which wait for this one. */
  readonly waitingBehind: number;
};

export type DeadLetterFilter = { readonly subscriber?: string; readonly id?: string };

export type ReplayRange = {
  readonly from: Date;
  /** Exclusive; until now unless given. */
  readonly to?: Date;
  /** All that the subscriber takes unless given. */
  readonly types?: readonly string[];
};

export type Events = {
  readonly driver: EventDriver;
  /** The only way to publish: commits with the rows that the event is about. */
  publish(transaction: Transaction, event: NewEvent): Promise<void>;
  /** Starts handling. Redis may be down: what was published is handled when it is back. */
  subscribe(subscriptions: readonly Subscription[]): Promise<void>;
  /** Takes nothing new and waits for the handlers that run. */
  stop(): Promise<void>;
  subscribers(): Promise<SubscriberState[]>;
  /** Newest failure first. */
  deadLetters(filter: DeadLetterFilter & { readonly limit: number }): Promise<DeadLetter[]>;
  /** Tries dead letters again, oldest of each aggregate first, as if they had never failed. @returns how many */
  redrive(filter?: DeadLetterFilter): Promise<number>;
  /** Gives up on one dead letter: what waits behind it goes on. @returns false when there is no such dead letter */
  discard(subscriber: string, id: string): Promise<boolean>;
  /**
   * Hands past events to the subscriber again, oldest first, each once more. New ones wait until it is done, so that the
   * last that a handler sees of an aggregate is its newest event. Reaches as far back as the outbox is kept.
   * @returns how many events will be handed out
   * @throws AppError `not_found` (404) for an unknown subscriber, `replay_running` (409) while one is under way
   */
  replay(subscriber: string, range: ReplayRange): Promise<number>;
};
