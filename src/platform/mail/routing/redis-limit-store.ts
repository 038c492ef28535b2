import type { RedisClient } from '#platform/redis';
import { AppError } from '#shared/errors';
import type { LimitStore, StoredText } from './limit-store.ts';

const readCommand = 'aquasceneReadLimit';
const writeCommand = 'aquasceneWriteLimit';

// Time is the server's that holds the key. The version stands before the text, apart by a colon.
const readScript = `
local clock = redis.call('TIME')
return {clock[1], clock[2], redis.call('GET', KEYS[1]) or ''}
`;

const writeScript = `
local stored = redis.call('GET', KEYS[1]) or ''
local version = tonumber(string.match(stored, '^%d+') or '0')
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], string.format('%.0f:', version + 1) .. ARGV[2], 'PX', ARGV[3])
return 1
`;

type Command = (keyCount: number, ...words: (string | number)[]) => Promise<unknown>;

/** The braces are the hash tag: one key, one slot, one server's clock. */
const keyIn = (key: string): string => `aquascene:mail-limit:{${key}}`;

/** Rejects when Redis does not answer. Each key by itself, all at once: they may lie on several servers of a cluster. */
export function createRedisLimitStore(redis: RedisClient): LimitStore {
  redis.defineCommand(readCommand, { lua: readScript });
  redis.defineCommand(writeCommand, { lua: writeScript });
  const commands = redis as unknown as Record<string, Command>;
  const run = (command: string, key: string, ...words: (string | number)[]) =>
    (commands[command] as Command).call(redis, 1, keyIn(key), ...words);

  async function readOne(key: string): Promise<StoredText> {
    const answer = await run(readCommand, key);
    if (!Array.isArray(answer) || answer.length !== 3)
      throw new AppError('redis_answer', 'Redis answered the script of the mail limits with something else.');
    const [seconds, microseconds, stored] = answer.map(String) as [string, string, string];
    const nowMs = Number(seconds) * 1000 + Number(microseconds) / 1000;
    const colon = stored.indexOf(':');
    return colon === -1
      ? { version: 0, text: undefined, nowMs }
      : { version: Number(stored.slice(0, colon)), text: stored.slice(colon + 1), nowMs };
  }

  return {
    read: async (keys) => new Map(await Promise.all(keys.map(async (key) => [key, await readOne(key)] as const))),
    async write(changes) {
      const written = await Promise.all(
        changes.map(async ({ key, version, text, keptMs }) =>
          (await run(writeCommand, key, version, text, Math.ceil(keptMs))) === 1 ? [key] : [],
        ),
      );
      return new Set(written.flat());
    },
  };
}
