import type { RedisConnections } from '#platform/redis';
import type { Logger } from '#platform/telemetry';
import { messageOf } from '#shared/errors';
import type { Scope } from './cache-key.ts';
import type { CacheSettings, RedisTuning } from './cache-settings.ts';
import { createEntryReads } from './entry-reads.ts';
import {
  cacheOfItem,
  createInvalidationLedger,
  type InvalidationLedger,
  ignoreOutage,
  invalidationChannel,
} from './invalidation-ledger.ts';
import { createRedisGuard } from './redis-guard.ts';
import { createRedisLevel, type RedisLevel } from './redis-level.ts';
import { defineScripts } from './redis-scripts.ts';

export type RedisCache = { readonly level: RedisLevel; readonly ledger: InvalidationLedger };

/** The part of all named caches that lies in Redis: one guard, one subscription and one look a second for all of them. */
export type RedisCaches = {
  add(cacheName: string, settings: CacheSettings, apply: (scopes: readonly Scope[]) => void): RedisCache;
  /** Until the first look at Redis has ended well or a moment has passed; afterwards undefined, at once. */
  started(): Promise<void> | undefined;
  close(): void;
};

const startPatienceMs = 1000;
const outCheckIntervalMs = 100;

export function createRedisCaches(options: {
  readonly connections: RedisConnections;
  readonly tuning: RedisTuning;
  readonly logger: Logger;
}): RedisCaches {
  const { connections, tuning, logger } = options;
  const client = connections.commands;
  const scripts = defineScripts(client);
  const ledgers = new Map<string, InvalidationLedger>();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let checking: Promise<void> | undefined;
  const first = Promise.withResolvers<void>();
  let starting: Promise<void> | undefined = first.promise;
  const endStart = () => {
    starting = undefined;
    first.resolve();
  };
  const patience = setTimeout(endStart, startPatienceMs);

  const guard = createRedisGuard({
    ...{ failureThreshold: tuning.failureThreshold, openMs: tuning.openMs, logger },
    onOut() {
      for (const ledger of ledgers.values()) ledger.doubt();
    },
  });

  const reads = createEntryReads({ client, scripts, guard, tuning });

  async function checkAll(): Promise<void> {
    try {
      for (const ledger of ledgers.values()) await ledger.sync();
      endStart();
    } catch (error) {
      ignoreOutage(error);
    }
  }

  /** One at a time: the first look after an outage is the trial, and the others wait for how it ends. */
  function check(): Promise<void> {
    checking ??= checkAll().finally(() => {
      checking = undefined;
    });
    return checking;
  }

  function checkLater(): void {
    if (isClosed) return;
    if (!isSubscribed && subscriber.status === 'ready') subscribe();
    const isWell = [...ledgers.values()].every((ledger) => ledger.isCurrent());
    timer = setTimeout(
      () => check().finally(checkLater),
      isWell ? tuning.checkIntervalMs : Math.min(tuning.checkIntervalMs, outCheckIntervalMs),
    );
    timer.unref();
  }

  let isSubscribed = false;
  function subscribe(): void {
    isSubscribed = true;
    subscriber.subscribe(invalidationChannel).then(
      // What was published while it was away is in the log.
      () => check(),
      (error: unknown) => {
        isSubscribed = false;
        logger.debug({ reason: messageOf(error) }, 'the subscription of the cache was refused');
      },
    );
  }

  const subscriber = connections.open('cache');
  subscriber.on('message', (_channel: string, item: string) => {
    const cacheName = cacheOfItem(item);
    if (cacheName !== undefined) ledgers.get(cacheName)?.receive(item);
  });
  // Subscribed anew by hand: when the client does it and is refused, nobody would catch that.
  if (!subscriber.isCluster) Object.assign(subscriber.options, { autoResubscribe: false });
  subscriber.on('ready', subscribe);
  client.on('ready', () => void check());
  checkLater();

  return {
    add(cacheName, settings, apply) {
      const ledger = createInvalidationLedger({ cacheName, client, scripts, guard, tuning, apply });
      ledgers.set(cacheName, ledger);
      return { ledger, level: createRedisLevel({ cacheName, client, scripts, reads, guard, ledger, settings, tuning }) };
    },
    started: () => starting,
    close() {
      isClosed = true;
      clearTimeout(timer);
      clearTimeout(patience);
      subscriber.disconnect();
      endStart();
    },
  };
}
