import type { Cluster, Redis } from 'ioredis';

export type ScanOptions = {
  /** Glob of the keys, the prefix of the connection included. */
  readonly match: string;
  /** Only keys that hold this type, e.g. `string`, `hash`, `stream`. */
  readonly type?: string;
  /** How many keys the server looks at a call (not how many it gives); 500 unless told. */
  readonly keysPerCall?: number;
  readonly signal?: AbortSignal;
};

const defaultKeysPerCall = 500;

/**
 * The keys of a Redis that match, in batches, none of them empty; of a Cluster each master's, one after the other. Never `KEYS`,
 * which stops the server for everyone. A key that is there the whole time is given at least once, maybe again in a later batch; one
 * that comes, goes or moves to another node meanwhile may be missed.
 *
 * @throws what the connection throws; the signal's reason
 */
export async function* scanKeys(client: Redis | Cluster, options: ScanOptions): AsyncGenerator<string[], void, undefined> {
  const nodes = client.isCluster ? (client as Cluster).nodes('master') : [client as Redis];
  for (const node of nodes) yield* scanNode(node, options);
}

async function* scanNode(
  node: Redis,
  { match, type, keysPerCall = defaultKeysPerCall, signal }: ScanOptions,
): AsyncGenerator<string[], void, undefined> {
  let cursor = '0';
  do {
    signal?.throwIfAborted();
    const [next, keys] =
      type === undefined
        ? await node.scan(cursor, 'MATCH', match, 'COUNT', keysPerCall)
        : await node.scan(cursor, 'MATCH', match, 'COUNT', keysPerCall, 'TYPE', type);
    cursor = next;
    if (keys.length > 0) yield [...new Set(keys)];
  } while (cursor !== '0');
}
