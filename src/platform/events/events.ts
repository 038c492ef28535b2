import { type Database, isDatabaseOutage, sql, type Transaction } from '#platform/database';
import type { RedisConnections } from '#platform/redis';
import type { Logger, Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { AppError, messageOf } from '#shared/errors';
import { addSubscriber, gatherPartitions, keepSubscribers, skipOtherTypes } from './event-offsets.ts';
import { defaultEventSettings, type EventSettings } from './event-settings.ts';
import { readSubscribers } from './event-status.ts';
import type { EventDriver, Events, NewEvent, SubscriberState } from './event-types.ts';
import { discardDeadLetter, listDeadLetters, redriveDeadLetters } from './failure-store.ts';
import { createPostgresDriver, type Driver, type DriverDependencies } from './postgres-driver.ts';
import { createRedisDriver } from './redis-driver.ts';
import { requestReplay } from './replay.ts';
import { startWakeLoop, type WakeLoop } from './wake-loop.ts';

export type EventsOptions = {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** `postgres` unless given. Processes with either may run side by side: each event is still handled once, in order. */
  readonly driver?: EventDriver;
  /** For the driver `redis`. */
  readonly redis?: RedisConnections;
  readonly settings?: Partial<EventSettings>;
};

const channel = 'aquascene_events';
// The payload of a notification that is not about a new event: something is to be tried or handed out again.
const again = 'again';
const upkeepIntervalMs = 60_000;

/** Events go through the outbox table, whichever driver brings them to their subscribers. */
export function createEvents(options: EventsOptions): Events {
  const { database, clock, logger, metrics, driver: kind = 'postgres' } = options;
  const subscribed = new Set<string>();
  const driver = createDriver(kind, options);
  let listener: { close(): Promise<void> } | undefined;
  let upkeep: WakeLoop | undefined;

  async function publish(transaction: Transaction, event: NewEvent): Promise<void> {
    await transaction.execute(
      'events.publish',
      sql`insert into events (id, type, aggregate_id, payload, occurred_at)
          values (${clock.newId()}, ${event.type}, ${event.aggregateId}, ${JSON.stringify(event.payload)}::jsonb, ${clock.now()})`,
    );
    await transaction.execute('events.notify', sql`select pg_notify(${channel}, '')`);
  }

  async function nudge(): Promise<void> {
    await database.execute('events.notify', sql`select pg_notify(${channel}, ${again})`);
  }

  async function keepUp(): Promise<number> {
    if (subscribed.size > 0) {
      await keepSubscribers(database, [...subscribed], clock.now());
      if (kind === 'postgres') await skipOtherTypes(database, [...subscribed]);
    }
    return upkeepIntervalMs;
  }

  const states = () => readSubscribers(database, clock.now());
  observeLag(metrics, logger, async () =>
    subscribed.size === 0 ? [] : (await states()).filter((state) => subscribed.has(state.subscriber)),
  );

  return {
    driver: kind,
    publish,
    async subscribe(subscriptions) {
      for (const { subscriber, types } of subscriptions) {
        await addSubscriber(database, subscriber, types, clock.now());
        subscribed.add(subscriber);
      }
      // Where the other driver left off.
      if (subscriptions.length > 0) await gatherPartitions(database);
      for (const subscription of subscriptions) await driver.start(subscription);
      listener ??= await database.listen(channel, (payload) => (payload === again ? driver.wakeAll() : driver.wake()));
      upkeep ??= startWakeLoop({
        step: keepUp,
        maxFailureDelayMs: upkeepIntervalMs,
        random: clock.random,
        onFailure: (error) =>
          logger[isDatabaseOutage(error) ? 'debug' : 'warn']({ reason: messageOf(error) }, 'the upkeep of events failed; trying again'),
      });
    },
    async stop() {
      await Promise.all([driver.stop(), upkeep?.stop()]);
      await listener?.close();
    },
    subscribers: states,
    deadLetters: (filter) => listDeadLetters(database, filter),
    async redrive(filter = {}) {
      const count = await redriveDeadLetters(database, filter);
      if (count > 0) await nudge();
      return count;
    },
    async discard(subscriber, id) {
      const isDiscarded = await database.transaction((tx) => discardDeadLetter(tx, subscriber, id));
      if (isDiscarded) await nudge();
      return isDiscarded;
    },
    async replay(subscriber, range) {
      const count = await requestReplay(database, clock, subscriber, range);
      await nudge();
      return count;
    },
  };
}

function createDriver(kind: EventDriver, options: EventsOptions): Driver {
  const settings = { ...defaultEventSettings, ...options.settings };
  const { database, clock, logger, metrics, redis } = options;
  const dependencies: DriverDependencies = { database, clock, logger, metrics, settings };
  if (kind === 'postgres') return createPostgresDriver(dependencies);
  if (redis === undefined) throw new AppError('redis_missing', 'Events over Redis need an address of Redis.');
  return createRedisDriver({ ...dependencies, redis });
}

/** Each process tells of the subscribers that it runs. */
function observeLag(metrics: Metrics, logger: Logger, read: () => Promise<readonly SubscriberState[]>): void {
  let reading: Promise<readonly SubscriberState[]> | undefined;
  // The gauges of a scrape are collected side by side: one reading is enough for them.
  const readOnce = () =>
    (reading ??= read().finally(() => {
      reading = undefined;
    }));
  const observe = (name: string, help: string, figure: (state: SubscriberState) => number) =>
    metrics.gauge(name, help, ['subscriber'], async (gauge) => {
      try {
        for (const state of await readOnce()) gauge.set({ subscriber: state.subscriber }, figure(state));
      } catch (error) {
        // The other figures are wanted most while the database is down.
        logger.debug({ reason: messageOf(error) }, 'the lag of events is not known');
      }
    });
  observe('aquascene_events_lag', 'Events that the subscriber has not handled yet', ({ lag }) => lag);
  observe('aquascene_events_lag_seconds', 'Age of the oldest event that the subscriber has not handled', ({ lagSeconds }) => lagSeconds);
  observe('aquascene_events_dead_letters', 'Events that the subscriber could not handle', ({ deadLetters }) => deadLetters);
}
