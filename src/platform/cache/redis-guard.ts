import { createOutageLog, type Logger } from '#platform/telemetry';
import { createCircuitBreaker } from '#shared/circuit-breaker';

/** Redis was not asked, or did not answer as it should in the time that it had. Callers go on without it. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable';
}

export type RedisGuard = {
  isOpen(): boolean;
  /**
   * @param requests that fail together when the work does: each is a failure
   * @throws RedisUnavailable, and for nothing else
   */
  run<T>(budgetMs: number, work: () => Promise<T>, requests?: number): Promise<T>;
  /** As `run`, and it alone may find out whether Redis is back. */
  probe<T>(budgetMs: number, work: () => Promise<T>): Promise<T>;
};

export type RedisGuardOptions = {
  readonly failureThreshold: number;
  readonly openMs: number;
  readonly logger: Logger;
  /** Called when Redis is taken out. */
  readonly onOut: () => void;
};

/** Keeps Redis's troubles from those who ask the cache: each command has a time, and after a few failures none is sent. */
export function createRedisGuard(options: RedisGuardOptions): RedisGuard {
  const outage = createOutageLog(options.logger, 'The cache in Redis');
  const breaker = createCircuitBreaker({
    failureThreshold: options.failureThreshold,
    openMs: options.openMs,
    maxOpenMs: options.openMs * 5,
    onChange(state) {
      if (state === 'open') options.onOut();
      if (state === 'closed') outage.up();
    },
  });

  function refuse(error: unknown, requests: number): RedisUnavailable {
    for (let count = 0; count < requests && breaker.state() !== 'open'; count += 1) breaker.failed();
    if (breaker.state() === 'open') outage.down(error);
    return new RedisUnavailable('Redis did not answer as it should', { cause: error });
  }

  function attempt<T>(budgetMs: number, work: () => Promise<T>, requests = 1): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const fail = (error: unknown) => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        reject(refuse(error, requests));
      };
      const giveUp = () => fail(new Error(`no answer within ${budgetMs} ms`));
      // When the process itself was held up, the answer waits to be read: two more turns of the event loop bring it first.
      const timer = setTimeout(() => setImmediate(() => setImmediate(giveUp)), budgetMs);
      work().then((answer) => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        breaker.succeeded();
        resolve(answer);
      }, fail);
    });
  }

  return {
    isOpen: () => breaker.state() !== 'closed',
    run(budgetMs, work, requests) {
      if (breaker.state() !== 'closed') return Promise.reject(new RedisUnavailable('Redis is left alone for now'));
      return attempt(budgetMs, work, requests);
    },
    probe(budgetMs, work) {
      if (!breaker.tryAcquire()) return Promise.reject(new RedisUnavailable('Redis is left alone for now'));
      return attempt(budgetMs, work);
    },
  };
}
