import type { Cache } from '#platform/cache';
import { type Database, isDatabaseOutage } from '#platform/database';
import type { Logger } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { type ApiKey, apiKeyTag, findApiKey, hashOf, touchApiKey } from './api-keys.ts';

/** The live key with this clear text, or undefined. */
export type KeyLookup = (key: string) => Promise<ApiKey | undefined>;

// As often as the time of last use is noted. A revoked key is dropped at once by its tag; this bounds it where nobody could be told.
const rememberedS = 60;

/** Asks the database once a minute for each key in use, not at each request; keeps keys under their hashes. */
export function createKeyLookup(deps: {
  readonly database: Database;
  readonly sessions: Cache;
  readonly clock: Clock;
  readonly logger: Logger;
}): KeyLookup {
  const { database, sessions, clock, logger } = deps;

  async function noteUse(apiKey: ApiKey): Promise<void> {
    const now = clock.now();
    if (apiKey.lastUsedAt !== null && now.getTime() - apiKey.lastUsedAt.getTime() <= rememberedS * 1000) return;
    try {
      await touchApiKey(database, apiKey.id, now);
    } catch (error) {
      // With the primary away reads go on from replicas: a note that cannot be made must not refuse them.
      if (!isDatabaseOutage(error)) throw error;
      logger.debug({ keyId: apiKey.id }, 'the use of an API key could not be noted');
    }
  }

  return (key) => {
    const hash = hashOf(key);
    return sessions.getOrSet<ApiKey | undefined>(
      hash.toString('base64url'),
      async ({ addTags }) => {
        const apiKey = await findApiKey(database.latest, hash);
        if (apiKey === undefined) return undefined;
        addTags(apiKeyTag(apiKey.id));
        await noteUse(apiKey);
        return apiKey;
      },
      { namespace: 'api-keys', ttlS: rememberedS },
    );
  };
}
