import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createRedisConnections, type RedisConnections } from '#platform/redis';
import { createMetrics } from '#platform/telemetry';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import type { EventSettings } from '../event-settings.ts';
import type { Events, Subscription } from '../event-types.ts';
import { createEvents } from '../events.ts';
import { createNotes, type Noted, noteEvent, readNotes } from './noted-events.ts';

export type EventFixture = {
  readonly t: TestContext;
  /** One process's events, with short times; stopped at the end unless it was before. */
  open(settings?: Partial<EventSettings>, driver?: 'postgres' | 'redis'): Events;
  /** Commits one event with `{ value }`. */
  publish(type: string, aggregateId: string, value: number, more?: object): Promise<void>;
  /** A subscription that writes down what it handles. */
  noting(subscriber: string, type: string, before?: (value: number) => unknown): Subscription;
  notes(subscriber: string): Promise<Noted[]>;
  /** Waits until the subscriber has written down as many. */
  waitForNotes(subscriber: string, count: number): Promise<Noted[]>;
  /** A subscriber in a process of its own, which dies by itself; resolves when it is dead. */
  runDyingProcess(subscriber: string, type: string, when: 'handling' | 'committed'): Promise<void>;
  /** How often statements of these names were run, by whatever shares the database's connections. */
  countOf(...names: readonly string[]): number;
  close(): Promise<void>;
};

const quickSettings: Partial<EventSettings> = { pollIntervalMs: 250, retryDelayMs: 20, maxRetryDelayMs: 100, maxAttempts: 3 };

export const numberOf = (payload: object): number => ('value' in payload ? Number(payload.value) : 0);

export async function createEventFixture(redisUrl?: string): Promise<EventFixture> {
  const t = await createTestContext();
  await createNotes(t.database);
  const opened: Events[] = [];
  const connections: RedisConnections[] = [];
  const connect = (url: string) => {
    const redis = createRedisConnections({ url, name: 'test', logger: t.logger, metrics: createMetrics('test') });
    connections.push(redis);
    return redis;
  };
  const notes = (subscriber: string) => readNotes(t.database, subscriber);
  return {
    t,
    countOf: (...names) => t.database.monitor.figures().reduce((sum, { name, count }) => (names.includes(name) ? sum + count : sum), 0),
    open(settings = {}, driver = redisUrl === undefined ? 'postgres' : 'redis') {
      const events = createEvents({
        ...t,
        metrics: createMetrics('test'),
        driver,
        settings: { ...quickSettings, ...settings },
        ...(driver === 'redis' && redisUrl !== undefined && { redis: connect(redisUrl) }),
      });
      opened.push(events);
      return events;
    },
    publish: (type, aggregateId, value, more = {}) =>
      t.database.transaction((tx) => t.events.publish(tx, { type, aggregateId, payload: { value, ...more } })),
    noting: (subscriber, type, before) => ({
      subscriber,
      types: [type],
      async handle(event, tx) {
        await before?.(numberOf(event.payload));
        await noteEvent(subscriber, event, tx);
      },
    }),
    notes,
    waitForNotes: (subscriber, count) =>
      waitFor(`${count} handled events of ${subscriber}`, async () => {
        const found = await notes(subscriber);
        return found.length >= count && found;
      }),
    async runDyingProcess(subscriber, type, when) {
      const program = path.join(import.meta.dirname, 'dying-worker.ts');
      const child = spawn(process.execPath, [program, t.databaseUrl, redisUrl ?? '', subscriber, type, when], {
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      await once(child, 'exit');
    },
    async close() {
      await Promise.all(opened.map((events) => events.stop()));
      await Promise.all(connections.map((connection) => connection.close()));
      await t.close();
    },
  };
}
