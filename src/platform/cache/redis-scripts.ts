import { createHash } from 'node:crypto';
import type { RedisClient } from '#platform/redis';
import { messageOf } from '#shared/errors';

/**
 * Redis's own clock tells what is left of an entry; the clocks of different machines are never compared. For each entry and its
 * lock: how it is read (r: only read, l: locked unless fresh, f: locked in any case), and the token. What is beyond the bytes is left out.
 */
const readEntries = `
local answers, count, bytes = {}, 0, 0
for index = 1, #KEYS / 2 do
  local key = KEYS[2 * index - 1]
  local value = redis.pcall('GET', key)
  if type(value) == 'table' then value = false end
  local left = value and redis.call('PTTL', key) or -2
  local lock = 0
  local how = string.byte(ARGV[3], index)
  if how == 102 or (how == 108 and not (value and #value > 11 and left > struct.unpack('>I4', value, 2))) then
    local name, token = KEYS[2 * index], ARGV[3 + index]
    local answer = redis.pcall('SET', name, token, 'NX', 'PX', ARGV[1])
    if type(answer) == 'table' then lock = answer.ok and 1 or 2
    elseif redis.call('GET', name) == token then lock = 1 end
  end
  answers[count + 1], answers[count + 2], answers[count + 3] = value, left, lock
  count = count + 3
  bytes = bytes + (value and #value or 0)
  if bytes > tonumber(ARGV[2]) then break end
end
return answers`;

const storeEntry = `
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if ARGV[3] ~= '' and redis.call('GET', KEYS[2]) == ARGV[3] then redis.call('DEL', KEYS[2]) end
return 1`;

const releaseLock = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

const renewLock = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`;

/** The version of every scope named becomes the new sequence number, and the log and the bus tell of it: all or nothing. */
const invalidate = `
if ARGV[5] ~= '0' and not redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[5]) then return false end
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[2]
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
local before = redis.call('HGET', KEYS[1], 'last') or ''
local sequence = redis.call('HINCRBY', KEYS[1], 'seq', 1)
for index = 7, #ARGV do redis.call('HSET', KEYS[1], ARGV[index], sequence) end
redis.call('HSET', KEYS[1], 'last', ARGV[1])
local item = table.concat({epoch, sequence, ARGV[1], before, ARGV[6]}, '|')
redis.call('LPUSH', KEYS[2], item)
redis.call('LTRIM', KEYS[2], 0, ARGV[4] - 1)
redis.call('PUBLISH', ARGV[3], item)
return item`;

/** A new epoch makes all that was stored before invalid; only by whoever knows the state that is to be left. */
const beginEpoch = `
if (redis.call('HGET', KEYS[1], 'epoch') or '') == ARGV[1] then redis.call('HSET', KEYS[1], 'epoch', ARGV[2]) end
return 1`;

type Argument = string | number | Buffer;

export type EntryAnswer = {
  readonly bytes: Buffer | null;
  /** By Redis's clock, until it is gone; below zero when it is, or never goes. */
  readonly leftMs: number;
  /** 0 not taken, 1 taken, 2 refused. */
  readonly lock: number;
};

export type RedisScripts = {
  /** As many answers as fit into one, at least one. @param keys entry and lock in turn */
  readEntries(keys: readonly string[], words: readonly Argument[]): Promise<EntryAnswer[]>;
  storeEntry(entry: string, lock: string, ...words: readonly Argument[]): Promise<number>;
  releaseLock(lock: string, token: string): Promise<number>;
  renewLock(lock: string, token: string, lockMs: number): Promise<number>;
  invalidate(versions: string, log: string, done: string, ...words: readonly Argument[]): Promise<string | null>;
  beginEpoch(versions: string, before: string, epoch: string): Promise<number>;
};

type Scripted = {
  aquasceneCacheStore: RedisScripts['storeEntry'];
  aquasceneCacheRelease: RedisScripts['releaseLock'];
  aquasceneCacheRenew: RedisScripts['renewLock'];
  aquasceneCacheInvalidate: RedisScripts['invalidate'];
  aquasceneCacheEpoch: RedisScripts['beginEpoch'];
};

/** What is asked for in one turn of the event loop goes out in one write: with many callers most of a command's cost is its write. */
function createWriteBatching(client: RedisClient): () => void {
  let isHeld = false;
  return () => {
    // A cluster has a connection to each node.
    if (isHeld || client.isCluster) return;
    const { stream } = client as { readonly stream?: { cork(): void; uncork(): void } };
    if (stream === undefined || stream === null) return;
    isHeld = true;
    stream.cork();
    process.nextTick(() => {
      isHeld = false;
      stream.uncork();
    });
  };
}

const readEntriesDigest = createHash('sha1').update(readEntries).digest('hex');

/** By hand: what the client does for a script of its own costs as much as the command itself. */
async function callReadEntries(client: RedisClient, keys: readonly string[], words: readonly Argument[]): Promise<EntryAnswer[]> {
  try {
    return parseAnswers(await client.callBuffer('evalsha', readEntriesDigest, keys.length, ...keys, ...words));
  } catch (error) {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
    return parseAnswers(await client.callBuffer('eval', readEntries, keys.length, ...keys, ...words));
  }
}

function parseAnswers(reply: unknown): EntryAnswer[] {
  const parts = reply as readonly (Buffer | number | null)[];
  const answers: EntryAnswer[] = [];
  for (let index = 0; index + 2 < parts.length; index += 3) {
    answers.push({ bytes: parts[index] as Buffer | null, leftMs: parts[index + 1] as number, lock: parts[index + 2] as number });
  }
  return answers;
}

/** The client sends a script's text once a connection, and its digest from then on. */
export function defineScripts(client: RedisClient): RedisScripts {
  client.defineCommand('aquasceneCacheStore', { lua: storeEntry, numberOfKeys: 2 });
  client.defineCommand('aquasceneCacheRelease', { lua: releaseLock, numberOfKeys: 1 });
  client.defineCommand('aquasceneCacheRenew', { lua: renewLock, numberOfKeys: 1 });
  client.defineCommand('aquasceneCacheInvalidate', { lua: invalidate, numberOfKeys: 3 });
  client.defineCommand('aquasceneCacheEpoch', { lua: beginEpoch, numberOfKeys: 1 });
  const scripted = client as unknown as Scripted;
  const batchWrites = createWriteBatching(client);
  return {
    readEntries: (keys, words) => callReadEntries(client, keys, words),
    storeEntry(...words) {
      batchWrites();
      return scripted.aquasceneCacheStore(...words);
    },
    releaseLock: (...words) => scripted.aquasceneCacheRelease(...words),
    renewLock: (...words) => scripted.aquasceneCacheRenew(...words),
    invalidate: (...words) => scripted.aquasceneCacheInvalidate(...words),
    beginEpoch: (...words) => scripted.aquasceneCacheEpoch(...words),
  };
}
