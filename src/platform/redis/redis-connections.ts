import { once } from 'node:events';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { createOutageLog, type Logger, type Metrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { type RedisAddress, requireRedisAddress } from '#shared/redis-url';

/** Either takes the same commands. In a cluster, all keys of one command, script or transaction must share a hash tag. */
export type RedisClient = Redis | Cluster;

export type RedisConnections = {
  /** For short commands: refused at once while Redis cannot be reached, given up after `commandTimeoutMs`. */
  readonly commands: RedisClient;
  /**
   * A connection of its own, for subscriptions and for reads that block: its commands have no time-out and wait until Redis
   * can be reached. It reconnects and subscribes again by itself. End it with `quit` or `disconnect`; `close` ends it too.
   */
  open(purpose: string): RedisClient;
  /** Waits for Redis no longer than that. @throws AppError `redis_unavailable` */
  version(timeoutMs: number): Promise<string>;
  /** A ping on `commands`, for health checks. */
  ping(): Promise<void>;
  close(): Promise<void>;
};

export type RedisConnectionsOptions = {
  /** `redis://`, `rediss://`, `redis+sentinel://` or `redis+cluster://`; see `acceptedRedisUrls`. */
  readonly url: string;
  /** Stands in Redis's list of clients. */
  readonly name: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly connectTimeoutMs?: number;
  readonly commandTimeoutMs?: number;
};

type SharedOptions = Omit<RedisOptions, 'replyMapping'> & { readonly replyMapping: 'legacy' };

const longestPauseMs = 2000;
// Who is told no so often in a row has a stale view of the cluster; the commands' own time-out comes first anyway.
const maxRedirections = 5;

const reconnectDelayMs = (tries: number): number => Math.min(longestPauseMs, 50 * 2 ** Math.min(tries, 10)) * (0.5 + Math.random() / 2);

/** Connections to one Redis, however it is made up. Nothing waits for it here: it may be down when the program starts. */
export function createRedisConnections(options: RedisConnectionsOptions): RedisConnections {
  const address = requireRedisAddress(options.url);
  const { logger } = options;
  const clients = new Set<RedisClient>();
  const isUp = options.metrics.gauge('aquascene_redis_up', 'Whether Redis is reached, by the purpose of the connection', ['purpose']);

  function connect(purpose: string, waits: boolean): RedisClient {
    const shared: SharedOptions = {
      ...credentialsOf(address),
      replyMapping: 'legacy',
      connectionName: `${options.name}-${purpose}`,
      connectTimeout: options.connectTimeoutMs ?? 5000,
      keepAlive: 10_000,
      maxRetriesPerRequest: waits ? null : 0,
      // Else what was under way when the connection broke would neither fail nor be sent again.
      autoResendUnfulfilledCommands: waits,
      // A primary that became a replica refuses writes for ever: the new one is found by connecting again.
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
      ...(!waits && { commandTimeout: options.commandTimeoutMs ?? 1000 }),
    };
    const client = address.kind === 'cluster' ? connectCluster(address, shared, waits) : connectServer(address, shared, waits);
    const outage = createOutageLog(logger, 'Redis', { purpose });
    clients.add(client);
    isUp.set({ purpose }, 0);
    client.on('ready', () => {
      isUp.set({ purpose }, 1);
      outage.up();
    });
    client.on('error', (error: unknown) => outage.down(error));
    client.on('close', () => {
      isUp.set({ purpose }, 0);
      // What was ended by us is no outage: its `end` comes right after.
      setImmediate(() => clients.has(client) && outage.down('the connection was closed'));
    });
    client.on('end', () => clients.delete(client));
    return client;
  }

  const commands = connect('commands', false);
  return {
    commands,
    open: (purpose) => connect(purpose, true),
    version: (timeoutMs) => readVersion(commands, timeoutMs),
    async ping() {
      await commands.ping();
    },
    async close() {
      const open = [...clients];
      clients.clear();
      // What it still owes an answer gets none: whoever closes has finished its work.
      for (const client of open) client.disconnect();
    },
  };
}

/** Of the first server that answers. */
async function readVersion(client: RedisClient, timeoutMs: number): Promise<string> {
  if (client.status !== 'ready') {
    const signal = AbortSignal.timeout(timeoutMs);
    await once(client, 'ready', { signal }).catch((cause: unknown) => {
      throw new AppError('redis_unavailable', 'Redis cannot be reached.', { status: 503, retryable: true, cause });
    });
  }
  const info = await client.info('server');
  return /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'of an unknown version';
}

function credentialsOf({ username, password, isTls, db }: RedisAddress): RedisOptions {
  return { db, ...(username !== undefined && { username }), ...(password !== undefined && { password }), ...(isTls && { tls: {} }) };
}

function connectServer(address: RedisAddress, shared: SharedOptions, waits: boolean): Redis {
  const [node] = address.nodes;
  const { primaryName } = address;
  return new Redis({
    ...shared,
    retryStrategy: reconnectDelayMs,
    enableOfflineQueue: waits,
    ...(primaryName === undefined
      ? { ...node }
      : {
          sentinels: address.nodes.map((sentinel) => ({ ...sentinel })),
          name: primaryName,
          sentinelRetryStrategy: reconnectDelayMs,
          ...(address.password !== undefined && { sentinelPassword: address.password }),
          ...(address.isTls && { sentinelTLS: {}, enableTLSForSentinelMode: true }),
        }),
  });
}

function connectCluster(address: RedisAddress, shared: SharedOptions, waits: boolean): Cluster {
  const { db: _, ...redisOptions } = shared;
  return new Cluster(
    address.nodes.map((node) => ({ ...node })),
    {
      redisOptions,
      enableOfflineQueue: waits,
      clusterRetryStrategy: reconnectDelayMs,
      clusterNodeRetryStrategy: reconnectDelayMs,
      slotsRefreshTimeout: shared.connectTimeout ?? 5000,
      maxRedirections,
      // Certificates name hosts, the cluster tells addresses: names are kept as they are.
      ...(address.isTls && { dnsLookup: (host: string, callback: (error: null, address: string) => void) => callback(null, host) }),
    },
  );
}
