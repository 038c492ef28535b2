import type { RedisClient } from '#platform/redis';
import type { RedisKeys } from './cache-key.ts';
import type { RedisTuning } from './cache-settings.ts';
import type { RedisGuard } from './redis-guard.ts';
import type { EntryAnswer, RedisScripts } from './redis-scripts.ts';

export type LockRequest = {
  readonly token: string;
  /** Also when the entry looks fresh by its time: the caller knows that it is not valid. */
  readonly isForced: boolean;
};

/** Whoever reads in the same turn of the event loop asks Redis together, whatever the cache: one command, one answer, one timer. */
export type EntryReads = {
  /** Takes the lock in the same step when there is no fresh entry. @throws RedisUnavailable */
  read(keys: RedisKeys, lock: LockRequest | undefined): Promise<EntryAnswer>;
};

type Request = {
  readonly keys: RedisKeys;
  readonly lock: LockRequest | undefined;
  readonly resolve: (answer: EntryAnswer) => void;
  readonly reject: (error: unknown) => void;
};

// Redis does nothing else meanwhile: at 3 µs each, a tenth of a millisecond.
const maxAtOnce = 32;
// As much as Redis sends in one piece without others waiting for long; those left out are asked for again.
const maxAnswerBytes = 256 * 1024;

const howOf = (lock: LockRequest | undefined): string => (lock === undefined ? 'r' : lock.isForced ? 'f' : 'l');

export function createEntryReads(options: {
  readonly client: RedisClient;
  readonly scripts: RedisScripts;
  readonly guard: RedisGuard;
  readonly tuning: RedisTuning;
}): EntryReads {
  const { client, scripts, guard, tuning } = options;
  let waiting: Request[] = [];

  function ask(requests: readonly Request[]): Promise<EntryAnswer[]> {
    const keys: string[] = [];
    const tokens: string[] = [];
    let how = '';
    for (const request of requests) {
      keys.push(request.keys.entry, request.keys.lock);
      tokens.push(request.lock?.token ?? '');
      how += howOf(request.lock);
    }
    return scripts.readEntries(keys, [tuning.lockMs, maxAnswerBytes, how, ...tokens]);
  }

  async function send(requests: readonly Request[]): Promise<void> {
    try {
      const answers = await guard.run(tuning.readBudgetMs, () => ask(requests), requests.length);
      for (const [index, answer] of answers.entries()) requests[index]?.resolve(answer);
      if (answers.length < requests.length) await send(requests.slice(answers.length));
    } catch (error) {
      for (const request of requests) request.reject(error);
    }
  }

  function flush(): void {
    const requests = waiting;
    waiting = [];
    if (requests.length > 0) void send(requests);
  }

  return {
    read: (keys, lock) =>
      new Promise((resolve, reject) => {
        waiting.push({ keys, lock, resolve, reject });
        // The nodes of a cluster have each their own keys.
        if (client.isCluster || waiting.length >= maxAtOnce) flush();
        else if (waiting.length === 1) process.nextTick(flush);
      }),
  };
}
