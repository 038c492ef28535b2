import { Pool } from 'undici';

export type Sent = { readonly kind: string; readonly at: number; readonly ms: number; readonly isOk: boolean };

export type OpenLoop = {
  /** What was sent since a time of `performance.now()`, and has been answered or given up. */
  since(time: number): readonly Sent[];
  stop(): Promise<void>;
};

export type Request = {
  /** What it counts as. */
  readonly kind: string;
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly onSuccess?: () => void;
};

const tickMs = 5;
const giveUpAfterMs = 10_000;

/**
 * Sends at a steady rate whether or not answers come: what would wait for a stalled server in a closed loop counts here as slow.
 * @param next gives the request for each number, counted from 0
 */
export function startOpenLoop(origin: string, perSecond: number, next: (index: number) => Request): OpenLoop {
  const pool = new Pool(origin, { connections: 128, headersTimeout: giveUpAfterMs, bodyTimeout: giveUpAfterMs });
  const sent: Sent[] = [];
  const underWay = new Set<Promise<void>>();
  const startedAt = performance.now();
  let count = 0;

  async function send(request: Request): Promise<void> {
    const at = performance.now();
    let isOk = false;
    try {
      const answer = await pool.request({
        path: request.path,
        method: request.method ?? 'GET',
        headers: { ...request.headers },
        body: request.body ?? null,
      });
      await answer.body.dump();
      isOk = answer.statusCode < 400;
    } catch {
      // A connection that broke, or an answer that did not come: counted as a failure below.
      isOk = false;
    }
    if (isOk) request.onSuccess?.();
    sent.push({ kind: request.kind, at, ms: performance.now() - at, isOk });
  }

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
    for (; count < due; count += 1) {
      const task: Promise<void> = send(next(count)).finally(() => underWay.delete(task));
      underWay.add(task);
    }
  }, tickMs);

  return {
    since: (time) => sent.filter(({ at }) => at >= time),
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      if (!pool.closed) await pool.close();
    },
  };
}

/** The smallest value that is not below so many percent of them. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;
}
