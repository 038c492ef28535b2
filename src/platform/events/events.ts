import { type Database, isDatabaseOutage, sql, type Transaction } from '#platform/database';
import type { Logger, Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';

/** `type` is past tense (`article.published`); events of one `aggregateId` arrive in the order of their commits. */
export type NewEvent = { readonly type: string; readonly aggregateId: string; readonly payload: object };

export type StoredEvent = NewEvent & { readonly id: string; readonly position: number; readonly occurredAt: Date };

/**
 * A subscriber's handler runs inside the transaction that also moves its offset, so what it writes through `transaction`
 * happens exactly once. Anything else it does may happen twice.
 */
export type Subscription = {
  readonly subscriber: string;
  readonly types: readonly string[];
  readonly handle: (event: StoredEvent, transaction: Transaction) => Promise<void>;
};

export type Events = {
  /** The only way to publish: commits with the rows that the event is about. */
  publish(transaction: Transaction, event: NewEvent): Promise<void>;
  subscribe(subscriptions: readonly Subscription[]): Promise<void>;
  stop(): Promise<void>;
};

const channel = 'aquascene_events';
const batchSize = 100;
// NOTIFY wakes the loops, and so does every reconnect of its listener: looking only makes up for a notice that was lost.
const pollIntervalMs = 5000;
// An event that waits for an older transaction to end: nobody notifies when it does, so it is looked for soon and then ever less often.
const firstHeldBackPollMs = 20;

export function createEvents(options: { database: Database; clock: Clock; logger: Logger; metrics: Metrics }): Events {
  const { database, clock, logger, metrics } = options;
  const handled = metrics.counter('aquascene_events_total', 'Events handled', ['subscriber', 'type']);
  const loops: { wake: () => void; done: Promise<void> }[] = [];
  let isStopping = false;
  let listener: { close(): Promise<void> } | undefined;

  /**
   * One batch of one subscriber. The offset row's lock keeps a second process out; `skip locked` lets it go on with others.
   * Only events of transactions that ended before every running one are read: positions are taken before commits, and
   * without this a late commit with a low position would be passed over for ever.
   */
  async function handleBatch(subscription: Subscription): Promise<'handled' | 'held_back' | 'none'> {
    return database.transaction(async (transaction) => {
      const offset = await transaction.maybeOne<{ transactionId: string; position: number }>(
        'events.lock-offset',
        sql`select transaction_id::text as "transactionId", position from event_offsets
            where subscriber = ${subscription.subscriber} for update skip locked`,
      );
      if (offset === undefined) return 'none';
      const events = await transaction.query<StoredEvent & { transactionId: string }>(
        'events.read',
        sql`select id, position, transaction_id::text as "transactionId", type, aggregate_id as "aggregateId", payload,
                   occurred_at as "occurredAt"
            from events
            where (transaction_id, position) > (${offset.transactionId}::xid8, ${offset.position}::bigint)
              and transaction_id < pg_snapshot_xmin(pg_current_snapshot())
              and type = any(${subscription.types}::text[])
            order by transaction_id, position limit ${batchSize}`,
      );
      for (const event of events) {
        await subscription.handle(event, transaction);
        handled.inc({ subscriber: subscription.subscriber, type: event.type });
      }
      const last = events.at(-1);
      if (last === undefined) return (await isHeldBack(transaction, subscription, offset)) ? 'held_back' : 'none';
      await transaction.execute(
        'events.move-offset',
        sql`update event_offsets set transaction_id = ${last.transactionId}::xid8, position = ${last.position}, moved_at = now()
            where subscriber = ${subscription.subscriber}`,
      );
      return 'handled';
    });
  }

  async function isHeldBack(
    transaction: Transaction,
    subscription: Subscription,
    offset: { readonly transactionId: string; readonly position: number },
  ): Promise<boolean> {
    const row = await transaction.maybeOne(
      'events.held-back',
      sql<object>`select 1 from events
          where (transaction_id, position) > (${offset.transactionId}::xid8, ${offset.position}::bigint)
            and type = any(${subscription.types}::text[]) limit 1`,
    );
    return row !== undefined;
  }

  function startLoop(subscription: Subscription) {
    let wakeUp: (() => void) | undefined;
    let isAwake = true;
    const wake = () => {
      isAwake = true;
      wakeUp?.();
    };
    const sleep = (ms: number) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
        if (isAwake || isStopping) wakeUp();
      });
    const done = (async () => {
      let failures = 0;
      let heldBackPolls = 0;
      while (!isStopping) {
        isAwake = false;
        try {
          const outcome = await handleBatch(subscription);
          failures = 0;
          heldBackPolls = outcome === 'held_back' ? heldBackPolls + 1 : 0;
          if (outcome === 'handled') continue;
          await sleep(heldBackPolls === 0 ? pollIntervalMs : Math.min(pollIntervalMs, firstHeldBackPollMs * 2 ** (heldBackPolls - 1)));
        } catch (error) {
          failures += 1;
          logger[isDatabaseOutage(error) ? 'debug' : 'warn'](
            { err: error, subscriber: subscription.subscriber },
            'handling events failed; trying again',
          );
          await sleep(Math.min(30_000, 250 * 2 ** failures) * (0.5 + clock.random() / 2));
        }
      }
    })();
    loops.push({ wake, done });
  }

  return {
    async publish(transaction, event) {
      await transaction.execute(
        'events.publish',
        sql`insert into events (id, type, aggregate_id, payload, occurred_at)
            values (${clock.newId()}, ${event.type}, ${event.aggregateId}, ${JSON.stringify(event.payload)}::jsonb, ${clock.now()})`,
      );
      await transaction.execute('events.notify', sql`select pg_notify(${channel}, '')`);
    },
    async subscribe(subscriptions) {
      for (const subscription of subscriptions) {
        await database.execute(
          'events.add-offset',
          sql`insert into event_offsets (subscriber) values (${subscription.subscriber}) on conflict do nothing`,
        );
        startLoop(subscription);
      }
      listener ??= await database.listen(channel, () => {
        for (const loop of loops) loop.wake();
      });
    },
    async stop() {
      isStopping = true;
      for (const loop of loops) loop.wake();
      await Promise.all(loops.map((loop) => loop.done));
      await listener?.close();
    },
  };
}
