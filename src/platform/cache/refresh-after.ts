import type { Logger } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { messageOf } from '#shared/errors';

export type RefreshAfterOptions = {
  /** From this age on, being asked for starts a refresh in the background. */
  readonly ageS: number;
  /** From this age on the old value is no answer any more, and callers wait; never unless told. */
  readonly maxAgeS?: number;
  readonly clock: Clock;
  readonly logger: Logger;
};

const retryPauseMs = 1000;

/**
 * One value of this process that is loaded when it is first asked for, and refreshed when it is asked for after its age: nobody
 * waits for a refresh. A load that fails is told to those who wait for it, and tried again by the next; a refresh that fails is
 * tried again after a second.
 */
export function refreshAfter<T>(load: () => Promise<T> | T, options: RefreshAfterOptions): () => Promise<T> {
  const { clock, logger, ageS, maxAgeS = Number.POSITIVE_INFINITY } = options;
  let known: { readonly value: T; readonly loadedAtMs: number } | undefined;
  let refreshAtMs = 0;
  let loading: Promise<T> | undefined;
  const now = () => clock.now().getTime();

  async function loadOnce(): Promise<T> {
    const loadedAtMs = now();
    const value = await load();
    known = { value, loadedAtMs };
    refreshAtMs = loadedAtMs + ageS * 1000;
    return value;
  }

  function join(): Promise<T> {
    loading ??= loadOnce().finally(() => {
      loading = undefined;
    });
    return loading;
  }

  return () => {
    if (known === undefined || now() >= known.loadedAtMs + maxAgeS * 1000) return join();
    if (loading === undefined && now() >= refreshAtMs) {
      join().catch((error: unknown) => {
        refreshAtMs = now() + retryPauseMs;
        logger.warn({ reason: messageOf(error) }, 'a value could not be refreshed');
      });
    }
    return Promise.resolve(known.value);
  };
}
