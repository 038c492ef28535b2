/**
 * Events over Redis Streams. The outbox stays the truth, and how far each subscriber is in each partition is kept in the
 * database, in the transaction of the handlers: Redis only carries.
 *
 *     outbox ──relay──▶ stream of the partition ──group of the subscriber──▶ lane ──▶ handler, offset: one transaction
 *        └───────────────── what the stream misses ────────────────────────▶ lane
 *
 * An entry's id is the event's key, and it names the event before it. An entry at or before the offset was handled before:
 * it is acknowledged, no more. An entry whose predecessor lies after the offset shows a gap, an empty stream of a partition that
 * was relayed further shows one too (emptied, or failed over without its last writes): the outbox fills it.
 */
import { type Database, isDatabaseOutage, sql, type Transaction } from '#platform/database';
import type { RedisConnections } from '#platform/redis';
import { AppError, messageOf } from '#shared/errors';
import { createSemaphore } from '#shared/semaphore';
import { compareKeys, type EventKey, eventColumns, keyRow, laterKey, partitionCount, partitionOf } from './event-key.ts';
import { addPartitions, findTrimmableKey, gatherPartitions } from './event-offsets.ts';
import type { Subscription } from './event-types.ts';
import { type OutboxEvent, retryInMs } from './failure-store.ts';
import { createLaneRunner, type Lane, type LaneBatch, type LaneState, pauseUntilRetry } from './lane.ts';
import type { Driver, DriverDependencies } from './postgres-driver.ts';
import { relayBatch, skipHandled } from './redis-relay.ts';
import { createEventStreams, type EventStreams, listenForBell, type StreamEntry } from './redis-streams.ts';
import { createReplayLane, isReplaying } from './replay.ts';
import { startWakeLoop, type WakeLoop } from './wake-loop.ts';

type PartitionState = LaneState & { readonly relayed: EventKey };

const busyPollMs = 50;
const firstHeldBackPollMs = 10;
const longestHeldBackPollMs = 1000;
// Redis comes back sooner than the database, and most often unannounced.
const maxFailureDelayMs = 3000;
const consumerMemoryMs = 3_600_000;

/** Entries in a row from the offset on; it ends where one is missing. */
function takeUnbroken(entries: readonly StreamEntry[], offset: EventKey): OutboxEvent[] {
  const events: OutboxEvent[] = [];
  let reached: EventKey = offset;
  for (const { event, previous } of entries) {
    if (compareKeys(previous, reached) > 0) break;
    if (compareKeys(event, reached) <= 0) continue;
    events.push(event);
    reached = event;
  }
  return events;
}

function createPartitionLane(
  subscription: Subscription,
  partition: number,
  streams: EventStreams,
  batchSize: number,
): Lane<PartitionState> {
  const { subscriber, types } = subscription;

  async function fill(tx: Transaction, from: EventKey, upTo: EventKey, limit: number): Promise<LaneBatch> {
    const events = await tx.query<OutboxEvent>(
      'events.fill',
      sql`select ${eventColumns} from events
          where (transaction_id, position) > ${keyRow(from)} and (transaction_id, position) <= ${keyRow(upTo)}
            and ${partitionOf} = ${partition} and type = any(${types}::text[])
          order by transaction_id, position limit ${limit}`,
    );
    return { events, upTo: events.length < limit ? upTo : events.at(-1), whenEmpty: 'look_again' };
  }

  return {
    subscription,
    partition,
    async lock(tx) {
      // The share of the other driver's offset keeps it and replays out, and is no obstacle to the other partitions.
      const row = await tx.maybeOne<
        EventKey & {
          readonly otherTransactionId: string;
          readonly otherPosition: number;
          readonly relayedTransactionId: string;
          readonly relayedPosition: number;
          readonly retryInMs: number | null;
          readonly isReplaying: boolean;
        }
      >(
        'events.lock-partition',
        sql`select p.transaction_id::text as "transactionId", p.position,
                   o.transaction_id::text as "otherTransactionId", o.position as "otherPosition",
                   r.transaction_id::text as "relayedTransactionId", r.position as "relayedPosition",
                   ${retryInMs({ subscriber, partition })} as "retryInMs", ${isReplaying(subscriber)} as "isReplaying"
            from event_partition_offsets p
            join event_offsets o on o.subscriber = p.subscriber
            join event_relay r on r.partition = p.partition
            where p.subscriber = ${subscriber} and p.partition = ${partition}
            for update of p skip locked for key share of o skip locked`,
      );
      return (
        row && {
          offset: laterKey<EventKey>(row, { transactionId: row.otherTransactionId, position: row.otherPosition }),
          relayed: { transactionId: row.relayedTransactionId, position: row.relayedPosition },
          retryInMs: row.retryInMs,
          isReplaying: row.isReplaying,
        }
      );
    },
    async read(tx, { offset, relayed }, limit) {
      const entries = await streams.read(partition, subscriber, offset, batchSize);
      const taken = takeUnbroken(entries, offset);
      const handled = entries.filter(({ event }) => compareKeys(event, offset) <= 0).map(({ event }) => event);
      const settle = (events: readonly OutboxEvent[]) => () => streams.acknowledge(partition, subscriber, events);
      if (taken.length > 0) {
        const wanted = taken.filter(({ type }) => types.includes(type));
        const last = wanted.length > limit ? wanted[limit - 1] : taken.at(-1);
        const events = wanted.slice(0, limit);
        const passed = last === undefined ? taken : taken.slice(0, taken.indexOf(last) + 1);
        return { events, upTo: last, whenEmpty: 'look_again', settle: settle([...handled, ...passed]) };
      }
      const [missed] = entries.filter(({ event }) => compareKeys(event, offset) > 0);
      const goal = missed === undefined ? relayed : missed.event;
      if (compareKeys(goal, offset) > 0) return { ...(await fill(tx, offset, goal, limit)), settle: settle(handled) };
      return { events: [], upTo: undefined, whenEmpty: handled.length > 0 ? 'look_again' : 'wait', settle: settle(handled) };
    },
    async move(tx, { transactionId, position }) {
      await tx.execute(
        'events.move-partition',
        sql`update event_partition_offsets set transaction_id = ${transactionId}::xid8, position = ${position}
            where subscriber = ${subscriber} and partition = ${partition}`,
      );
    },
  };
}

/** Lanes of these subscribers that have something to do which no bell told. */
function findLanesToWake(database: Database, subscribers: readonly string[]): Promise<{ subscriber: string; partition: number }[]> {
  return database.query(
    'events.look',
    sql`select p.subscriber, p.partition from event_partition_offsets p join event_relay r on r.partition = p.partition
        where p.subscriber = any(${subscribers}::text[])
          and ((p.transaction_id, p.position) < (r.transaction_id, r.position)
            or exists (select 1 from event_failures f
                       where f.subscriber = p.subscriber and f.state = 'retrying' and f.next_attempt_at <= clock_timestamp()
                         and ${partitionOf} = p.partition)
            or (p.partition = 0 and exists (select 1 from event_replays y where y.subscriber = p.subscriber)))`,
  );
}

/** Brings offsets together, and takes out of the streams what all are past. Several processes may do it; once is enough. */
export async function tidyStreams(
  { database, clock, settings }: Pick<DriverDependencies, 'database' | 'clock' | 'settings'>,
  streams: EventStreams,
): Promise<number> {
  await gatherPartitions(database);
  const before = new Date(clock.now().getTime() - settings.streamRetentionMs);
  let trimmed = 0;
  for (let partition = 0; partition < partitionCount; partition += 1) {
    const key = await findTrimmableKey(database, partition, before);
    trimmed += await streams.trim(partition, key, settings.maxStreamLength);
    await streams.forgetConsumers(partition, consumerMemoryMs);
  }
  return trimmed;
}

export function createRedisDriver(dependencies: DriverDependencies & { readonly redis: RedisConnections }): Driver {
  const { database, clock, logger, settings, redis } = dependencies;
  const streams = createEventStreams(redis, clock.newId());
  const lanes: { readonly subscriber: string; readonly partition: number; readonly loop: WakeLoop }[] = [];
  const loops: WakeLoop[] = [];
  let bell: { close(): Promise<void> } | undefined;
  let isRelayHeldBack = false;
  const turns = createSemaphore({
    limit: settings.concurrency,
    maxWaiting: Number.POSITIVE_INFINITY,
    overloadError: () => new AppError('events_overloaded', 'Too many lanes wait for their turn.'),
  });

  const wakeLanes = (isMeant: (lane: { subscriber: string; partition: number }) => boolean) => {
    for (const lane of lanes) if (isMeant(lane)) lane.loop.wake();
  };

  function startLoop(what: string, step: () => Promise<number>): WakeLoop {
    return startWakeLoop({
      step,
      maxFailureDelayMs,
      random: clock.random,
      onFailure: (error) => {
        // Either says by itself when it cannot be reached.
        const isOutage = isDatabaseOutage(error) || !streams.isReady() || /timed out|closed/i.test(messageOf(error));
        logger[isOutage ? 'debug' : 'warn']({ reason: messageOf(error), what }, 'carrying events failed; trying again');
      },
    });
  }

  function startLane(subscription: Subscription, partition: number, handleReplay: () => Promise<{ readonly kind: string }>): void {
    const { subscriber } = subscription;
    const handleNew = createLaneRunner(createPartitionLane(subscription, partition, streams, settings.batchSize), dependencies);
    const replayStep = async () => {
      // One lane is enough; the others wait for its end.
      if (partition !== 0) return settings.pollIntervalMs;
      const outcome = await handleReplay();
      if (outcome.kind !== 'worked') return busyPollMs;
      return 0;
    };
    let wasReplaying = false;
    const step = async () => {
      // Woken when it is back.
      if (!streams.isReady()) return settings.pollIntervalMs;
      const release = await turns.acquire();
      try {
        const outcome = await handleNew();
        if (outcome.kind === 'replaying') {
          wasReplaying = true;
          return await replayStep();
        }
        if (wasReplaying) wakeLanes((lane) => lane.subscriber === subscriber && lane.partition !== partition);
        wasReplaying = false;
        if (outcome.kind === 'worked') return 0;
        // Busy: who has the lane heard the bell too and reads on; should it die, looking finds what it left.
        return pauseUntilRetry(outcome, Number.POSITIVE_INFINITY);
      } finally {
        release();
        // The transaction that has just ended may be the one that newer events waited for.
        if (isRelayHeldBack) loops[0]?.wake();
      }
    };
    lanes.push({ subscriber, partition, loop: startLoop(`${subscriber}/${partition}`, step) });
  }

  function startRelay(): WakeLoop {
    let heldBackPolls = 0;
    return startLoop('relay', async () => {
      if (!streams.isReady()) return settings.pollIntervalMs;
      const outcome = await relayBatch(database, streams);
      isRelayHeldBack = outcome === 'held_back';
      heldBackPolls = isRelayHeldBack ? heldBackPolls + 1 : 0;
      if (outcome === 'relayed') return 0;
      if (outcome === 'none') return settings.pollIntervalMs;
      return Math.min(longestHeldBackPollMs, firstHeldBackPollMs * 2 ** (heldBackPolls - 1));
    });
  }

  function startLook(): WakeLoop {
    let tidiedAt = performance.now();
    return startLoop('look', async () => {
      const due = await findLanesToWake(database, [...new Set(lanes.map(({ subscriber }) => subscriber))]);
      const names = new Set(due.map(({ subscriber, partition }) => `${subscriber}/${partition}`));
      wakeLanes(({ subscriber, partition }) => names.has(`${subscriber}/${partition}`));
      if (performance.now() - tidiedAt > 60_000 && streams.isReady()) {
        tidiedAt = performance.now();
        await tidyStreams(dependencies, streams);
      }
      return settings.pollIntervalMs;
    });
  }

  const wakeAll = () => {
    for (const loop of loops) loop.wake();
    wakeLanes(() => true);
  };

  return {
    async start(subscription) {
      await addPartitions(database, subscription.subscriber);
      if (bell === undefined) {
        await skipHandled(database);
        bell = listenForBell(redis, {
          blockMs: settings.pollIntervalMs,
          onRing: (partitions) => wakeLanes(({ partition }) => partitions.includes(partition)),
          onReady: wakeAll,
        });
        redis.commands.on('ready', wakeAll);
        loops.push(startRelay(), startLook());
      }
      const handleReplay = createLaneRunner(createReplayLane(subscription), dependencies);
      for (let partition = 0; partition < partitionCount; partition += 1) startLane(subscription, partition, handleReplay);
    },
    wake: () => loops[0]?.wake(),
    wakeAll: () => {
      for (const loop of loops) loop.wake();
    },
    async stop() {
      redis.commands.off('ready', wakeAll);
      await Promise.all([...loops, ...lanes.map(({ loop }) => loop)].map((loop) => loop.stop()));
      await bell?.close();
    },
  };
}
