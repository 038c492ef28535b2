/**
 * A process that asks for paths at a steady rate whether or not answers come (forked; an order by IPC, a report back). HTTP by
 * hand over connections that stay open: what it takes must leave the machine to those that are measured.
 */
import net from 'node:net';
import { percentile } from '../support/open-loop.ts';

export type LoadOrder = {
  /** Shared out evenly. */
  readonly ports: readonly number[];
  readonly perSecond: number;
  readonly seconds: number;
  /** What happens in the first seconds is not told. */
  readonly warmUpSeconds: number;
  readonly connectionsPerPort: number;
  readonly paths: readonly string[];
};
export type LoadReport = {
  /** Answers with the wanted status, over the whole time. */
  readonly acknowledged: number;
  readonly failed: number;
  /** Of those after the warm-up. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
};

const tickMs = 1;
const drainMs = 10_000;
const headersEnd = '\r\n\r\n';

type Waiting = { readonly at: number };

function connect(port: number, onAnswer: (status: number, asked: Waiting) => void, onBroken: (count: number) => void) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const waiting: Waiting[] = [];
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    text += chunk;
    for (;;) {
      const end = text.indexOf(headersEnd);
      if (end < 0) return;
      const head = text.slice(0, end);
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (text.length < end + headersEnd.length + length) return;
      text = text.slice(end + headersEnd.length + length);
      const asked = waiting.shift();
      if (asked !== undefined) onAnswer(Number(head.slice(9, 12)), asked);
    }
  });
  socket.on('error', () => undefined);
  socket.on('close', () => onBroken(waiting.splice(0).length));
  return {
    get load() {
      return waiting.length;
    },
    ask(path: string, at: number) {
      waiting.push({ at });
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: news.localhost\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r\n\r\n`,
      );
    },
    close: () => socket.destroy(),
  };
}

async function run(order: LoadOrder): Promise<LoadReport> {
  let acknowledged = 0;
  let failed = 0;
  const latencies: number[] = [];
  const started = performance.now();
  const measuredFrom = started + order.warmUpSeconds * 1000;
  const onAnswer = (status: number, { at }: Waiting) => {
    if (status === 200 || status === 302) acknowledged += 1;
    else failed += 1;
    if (at >= measuredFrom) latencies.push(performance.now() - at);
  };
  const connections = order.ports.flatMap((port) =>
    Array.from({ length: order.connectionsPerPort }, () =>
      connect(port, onAnswer, (count) => {
        failed += count;
      }),
    ),
  );
  const total = Math.floor(order.perSecond * order.seconds);
  const finished = Promise.withResolvers<void>();
  let asked = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    const due = Math.min(total, Math.floor(((now - started) / 1000) * order.perSecond));
    for (; asked < due; asked += 1) {
      // When it should have been asked: a load that lags must not flatter what it measures.
      const at = started + (asked / order.perSecond) * 1000;
      connections[asked % connections.length]?.ask(order.paths[asked % order.paths.length] ?? '/', at);
    }
    if (acknowledged + failed >= total || now - started > order.seconds * 1000 + drainMs) finished.resolve();
  }, tickMs);
  await finished.promise;
  clearInterval(timer);
  for (const connection of connections) connection.close();
  return {
    acknowledged,
    failed: total - acknowledged,
    perSecond: latencies.length / (order.seconds - order.warmUpSeconds),
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
    maxMs: latencies.reduce((most, ms) => Math.max(most, ms), 0),
  };
}

if (import.meta.main) {
  process.once('message', async (order: LoadOrder) => {
    const report = await run(order);
    process.send?.(report);
    process.disconnect();
  });
}
