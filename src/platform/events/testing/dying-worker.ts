/**
 * `node dying-worker.ts DATABASE_URL REDIS_URL SUBSCRIBER TYPE WHEN`: handles events until the one with the payload
 * `{ "deadly": true }`, on which it dies without a goodbye: WHEN is `handling` or `committed`. REDIS_URL may be empty.
 */
import { createDatabase } from '#platform/database';
import { createRedisConnections } from '#platform/redis';
import { createLogger, createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import { createEvents } from '../events.ts';
import { noteEvent } from './noted-events.ts';

const [url = '', redisUrl = '', subscriber = '', type = '', when = ''] = process.argv.slice(2);
const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });
const metrics = createMetrics('test');
const database = createDatabase({
  url,
  applicationName: 'aquascene-test-subscriber',
  maxConnections: 10,
  connectTimeoutMs: 10_000,
  statementTimeoutMs: 60_000,
  lockTimeoutMs: 10_000,
  idleInTransactionTimeoutMs: 60_000,
  logger,
  metrics,
});
const die = () => process.kill(process.pid, 'SIGKILL');
const events = createEvents({
  ...{ database, clock: systemClock, logger, metrics },
  ...(redisUrl !== '' && { driver: 'redis', redis: createRedisConnections({ url: redisUrl, name: 'test', logger, metrics }) }),
});
await events.subscribe([
  {
    subscriber,
    types: [type],
    async handle(event, tx) {
      await noteEvent(subscriber, event, tx);
      if (!('deadly' in event.payload)) return;
      if (when === 'handling') die();
      tx.afterCommit(die);
    },
  },
]);
