import type { RedisConnections } from '#platform/redis';
import { messageOf } from '#shared/errors';
import { type EventKey, formatKey, parseKey } from './event-key.ts';
import type { OutboxEvent } from './failure-store.ts';

/** `previous` is the event before it in the partition: a reader who is not past that one misses something. */
export type StreamEntry = { readonly event: OutboxEvent; readonly previous: EventKey };

export type EventStreams = {
  /** Whether commands have a chance at the moment. */
  isReady(): boolean;
  /** Adds to the partition's stream; what it has already is not added again. */
  add(partition: number, entries: readonly StreamEntry[]): Promise<void>;
  /**
   * The next entries of the group, oldest first: those that a consumer took and did not acknowledge before those that none
   * has taken. Only for who holds the lane's lock: nobody else is at work on what is taken over then. A group that is missing
   * is made at `offset`.
   */
  read(partition: number, group: string, offset: EventKey, count: number): Promise<StreamEntry[]>;
  acknowledge(partition: number, group: string, keys: readonly EventKey[]): Promise<void>;
  /** Removes entries before `key`, and the oldest beyond `maxLength`. @returns how many */
  trim(partition: number, key: EventKey | undefined, maxLength: number): Promise<number>;
  /** Takes consumers of ended processes off the partition's groups: idle for long and owing nothing. */
  forgetConsumers(partition: number, idleMs: number): Promise<void>;
  /** Wakes those who wait for entries of these partitions. */
  ring(partitions: readonly number[]): Promise<void>;
};

const bellKey = 'aquascene:events:bell';
const bellLength = 1000;
// Beyond the time that a blocking read may take by itself.
const answerMarginMs = 2000;
const reconnectMs = 200;
// The braces are a hash tag: in a cluster partitions lie on different nodes.
const keyOf = (partition: number): string => `aquascene:events:{${partition}}`;

type RawEntry = readonly [id: string, fields: readonly string[] | null];
type Answers = readonly (readonly [error: Error | null, answer: unknown])[];

function parseEntry([id, fields]: RawEntry): StreamEntry[] {
  // Null: trimmed since it was taken.
  if (fields === null) return [];
  const values = new Map<string, string>();
  for (let index = 0; index + 1 < fields.length; index += 2) values.set(fields[index] ?? '', fields[index + 1] ?? '');
  const { occurredAt, ...event } = JSON.parse(values.get('event') ?? '') as Omit<OutboxEvent, 'occurredAt'> & { occurredAt: string };
  return [{ previous: parseKey(values.get('previous') ?? '0-0'), event: { ...event, ...parseKey(id), occurredAt: new Date(occurredAt) } }];
}

const entriesOf = (answer: unknown): RawEntry[] => (answer as [string, RawEntry[]][] | null)?.[0]?.[1] ?? [];

function firstError(answers: Answers | null): Error | undefined {
  return answers?.find(([error]) => error !== null)?.[0] ?? undefined;
}

/** Reads and writes the streams. `consumer` names this process in the groups. */
export function createEventStreams({ commands }: Pick<RedisConnections, 'commands'>, consumer: string): EventStreams {
  async function readOnce(partition: number, group: string, count: number): Promise<StreamEntry[]> {
    const key = keyOf(partition);
    const answers: Answers | null = await commands
      .pipeline([
        ['xautoclaim', key, group, consumer, '0', '0-0', 'COUNT', String(count)],
        ['xreadgroup', 'GROUP', group, consumer, 'COUNT', String(count), 'STREAMS', key, '>'],
      ])
      .exec();
    const error = firstError(answers);
    if (error !== undefined) throw error;
    const [cursor, claimed] = (answers?.[0]?.[1] ?? ['0-0', []]) as [string, RawEntry[]];
    // More are pending: those that are new come after them, and are pending themselves now.
    const fresh = cursor === '0-0' ? entriesOf(answers?.[1]?.[1]) : [];
    return [...claimed.filter((entry) => entry !== null), ...fresh].flatMap(parseEntry);
  }

  return {
    isReady: () => commands.status === 'ready',
    async add(partition, entries) {
      const answers: Answers | null = await commands
        .pipeline(
          entries.map(({ event, previous }) => {
            const { transactionId: _, position: __, ...told } = event;
            return ['xadd', keyOf(partition), formatKey(event), 'previous', formatKey(previous), 'event', JSON.stringify(told)];
          }),
        )
        .exec();
      const error = answers?.find(([failure]) => failure !== null && !failure.message.includes('equal or smaller'))?.[0];
      if (error) throw error;
    },
    async read(partition, group, offset, count) {
      try {
        return await readOnce(partition, group, count);
      } catch (error) {
        if (!messageOf(error).startsWith('NOGROUP')) throw error;
        await commands.xgroup('CREATE', keyOf(partition), group, formatKey(offset), 'MKSTREAM');
        return readOnce(partition, group, count);
      }
    },
    async acknowledge(partition, group, keys) {
      if (keys.length > 0) await commands.xack(keyOf(partition), group, ...keys.map(formatKey));
    },
    async trim(partition, key, maxLength) {
      const byKey = key === undefined ? 0 : Number(await commands.xtrim(keyOf(partition), 'MINID', formatKey(key)));
      return byKey + Number(await commands.xtrim(keyOf(partition), 'MAXLEN', '~', maxLength));
    },
    async forgetConsumers(partition, idleMs) {
      const key = keyOf(partition);
      if ((await commands.exists(key)) === 0) return;
      for (const group of asRecords(await commands.xinfo('GROUPS', key))) {
        const name = String(group.name);
        for (const { name: other, pending, idle } of asRecords(await commands.xinfo('CONSUMERS', key, name))) {
          if (Number(pending) === 0 && Number(idle) > idleMs) await commands.xgroup('DELCONSUMER', key, name, String(other));
        }
      }
    },
    async ring(partitions) {
      await commands.xadd(bellKey, 'MAXLEN', '~', bellLength, '*', 'partitions', partitions.join(','));
    },
  };
}

/** What XINFO answers: lists of names and values in turn. */
function asRecords(answer: unknown): Record<string, unknown>[] {
  return (answer as unknown[][]).map((pairs) => {
    const record: Record<string, unknown> = {};
    for (let index = 0; index + 1 < pairs.length; index += 2) record[String(pairs[index])] = pairs[index + 1];
    return record;
  });
}

/**
 * Hears which partitions have new entries, on one connection for all of them: a blocking read of the streams themselves would
 * take one for every group, and in a cluster for every partition. A bell that is missed is made up for by looking.
 */
export function listenForBell(
  redis: RedisConnections,
  options: { readonly blockMs: number; readonly onRing: (partitions: readonly number[]) => void; readonly onReady: () => void },
): { close(): Promise<void> } {
  const connection = redis.open('events');
  let isClosed = false;
  let interrupt: (() => void) | undefined;
  const onClose = () => interrupt?.();
  connection.on('ready', options.onReady);
  connection.on('close', onClose);

  /** Undefined after `ms`, or when the connection is lost: what was asked on it may never be answered then. */
  async function atMost<T>(ms: number, answer: Promise<T>): Promise<T | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, ms, undefined);
    interrupt = () => resolve(undefined);
    try {
      return await Promise.race([answer, promise]);
    } finally {
      clearTimeout(timer);
      interrupt = undefined;
    }
  }

  async function listen(): Promise<void> {
    let lastId = '$';
    while (!isClosed) {
      try {
        const answer = await atMost(
          options.blockMs + answerMarginMs,
          connection.xread('BLOCK', options.blockMs, 'STREAMS', bellKey, lastId),
        );
        const entries = entriesOf(answer ?? null);
        // Nothing for a while: a server that lost its memory counts anew.
        lastId = entries.at(-1)?.[0] ?? '$';
        const partitions = entries.flatMap(([, fields]) => (fields?.[1] ?? '').split(',').map(Number));
        if (partitions.length > 0) options.onRing([...new Set(partitions)]);
        if (answer === undefined && !isClosed) await atMost(reconnectMs, new Promise(() => undefined));
      } catch {
        // The connection says by itself that it is lost, and when it is back.
        if (!isClosed) await atMost(reconnectMs, new Promise(() => undefined));
      }
    }
  }

  const done = listen();
  return {
    async close() {
      isClosed = true;
      connection.off('close', onClose);
      connection.disconnect();
      interrupt?.();
      await done;
    },
  };
}
