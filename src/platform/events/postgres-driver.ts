import { type Database, isDatabaseOutage, sql } from '#platform/database';
import type { Logger, Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { eventColumns, isSettled, keyRow, partitionOf } from './event-key.ts';
import type { EventSettings } from './event-settings.ts';
import type { Subscription } from './event-types.ts';
import { type OutboxEvent, retryInMs } from './failure-store.ts';
import { createLaneRunner, type Lane, type LaneState, pauseUntilRetry } from './lane.ts';
import { createReplayLane, isReplaying } from './replay.ts';
import { startWakeLoop, type WakeLoop } from './wake-loop.ts';

export type DriverDependencies = {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly settings: EventSettings;
};

export type Driver = {
  start(subscription: Subscription): Promise<void>;
  /** Something was published. */
  wake(): void;
  /** Something is to be tried or handed out again. */
  wakeAll(): void;
  stop(): Promise<void>;
};

// An event that waits for an older transaction to end: nobody notifies when it does, so it is looked for soon and then ever less often.
const firstHeldBackPollMs = 20;
const busyPollMs = 200;

/**
 * All of a subscriber's events in the order of their commits. The offset row's lock keeps a second process out; `skip locked`
 * lets it go on with others. Only events of transactions that ended before every running one are read: positions are taken
 * before commits, and without this a late commit with a low position would be passed over for ever.
 */
function createLane(subscription: Subscription): Lane {
  const { subscriber, types } = subscription;
  // Where events came over Redis for a time, that driver may be ahead in some partitions.
  const isNew = (state: LaneState) => sql<boolean>`
    (transaction_id, position) > ${keyRow(state.offset)} and type = any(${types}::text[])
    and not exists (select 1 from event_partition_offsets p
                    where p.subscriber = ${subscriber} and p.partition = ${partitionOf}
                      and (p.transaction_id, p.position) >= (events.transaction_id, events.position))`;
  return {
    subscription,
    partition: undefined,
    async lock(tx) {
      const row = await tx.maybeOne<{ transactionId: string; position: number; retryInMs: number | null; isReplaying: boolean }>(
        'events.lock-offset',
        sql`select transaction_id::text as "transactionId", position, ${isReplaying(subscriber)} as "isReplaying",
                   ${retryInMs({ subscriber, partition: undefined })} as "retryInMs"
            from event_offsets where subscriber = ${subscriber} for update skip locked`,
      );
      return row && { offset: row, retryInMs: row.retryInMs, isReplaying: row.isReplaying };
    },
    async read(tx, state, limit) {
      const events = await tx.query<OutboxEvent>(
        'events.read',
        sql`select ${eventColumns} from events where ${isNew(state)} and ${isSettled} order by transaction_id, position limit ${limit}`,
      );
      if (events.length > 0) return { events, upTo: events.at(-1), whenEmpty: 'wait' };
      const heldBack = await tx.maybeOne('events.held-back', sql<object>`select 1 from events where ${isNew(state)} limit 1`);
      return { events, upTo: undefined, whenEmpty: heldBack === undefined ? 'wait' : 'look_soon' };
    },
    async move(tx, { transactionId, position }) {
      await tx.execute(
        'events.move-offset',
        sql`update event_offsets set transaction_id = ${transactionId}::xid8, position = ${position}, moved_at = now()
            where subscriber = ${subscriber}`,
      );
    },
  };
}

export function createPostgresDriver(dependencies: DriverDependencies): Driver {
  const { clock, logger, settings } = dependencies;
  const loops: WakeLoop[] = [];

  function startLoop(subscription: Subscription): WakeLoop {
    const handleNew = createLaneRunner(createLane(subscription), dependencies);
    const handleReplay = createLaneRunner(createReplayLane(subscription), dependencies);
    let heldBackPolls = 0;
    return startWakeLoop({
      maxFailureDelayMs: 30_000,
      random: clock.random,
      onFailure: (error) =>
        logger[isDatabaseOutage(error) ? 'debug' : 'warn'](
          { err: error, subscriber: subscription.subscriber },
          'handling events failed; trying again',
        ),
      async step() {
        const outcome = await handleNew();
        if (outcome.kind === 'replaying') return (await handleReplay()).kind === 'worked' ? 0 : busyPollMs;
        if (outcome.kind === 'worked') return 0;
        heldBackPolls = outcome.kind === 'soon' ? heldBackPolls + 1 : 0;
        if (outcome.kind === 'soon') return Math.min(settings.pollIntervalMs, firstHeldBackPollMs * 2 ** (heldBackPolls - 1));
        return pauseUntilRetry(outcome, settings.pollIntervalMs);
      },
    });
  }

  const wakeAll = () => {
    for (const loop of loops) loop.wake();
  };
  return {
    async start(subscription) {
      loops.push(startLoop(subscription));
    },
    wake: wakeAll,
    wakeAll,
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}
