import { randomUUID } from 'node:crypto';
import type { Transaction } from '#platform/database';
import { createOutageLog, type Logger } from '#platform/telemetry';
import { everything, type Scope } from './cache-key.ts';
import { readPayload } from './invalidation-ledger.ts';
import type { InvalidationBus } from './postgres-bus.ts';

/** What one process tells the others over a bus that keeps nothing. */
export type BusRelay = {
  /** An id that shows this process as the origin. */
  newId(): string;
  /** What cannot be told now is told when the bus is back. */
  send(cache: string, scopes: readonly Scope[]): Promise<void>;
  /** As part of the transaction; `id` lets whoever hears it know the same invalidation when it comes by another way. */
  sendIn(transaction: Transaction, cache: string, scopes: readonly Scope[], id: string): Promise<void>;
  close(): Promise<void>;
};

export type BusRelayOptions = {
  readonly bus: InvalidationBus;
  /** Of this process: its own messages are not for itself. */
  readonly processId: string;
  readonly logger: Logger;
  readonly onMessage: (cache: string, scopes: readonly Scope[], id: string) => void;
  readonly onGap: () => void;
};

const maxWaiting = 100;
const maxMessages = 20;
const retryIntervalMs = 1000;

export function createBusRelay(options: BusRelayOptions): BusRelay {
  const { bus, processId, logger, onMessage, onGap } = options;
  const outage = createOutageLog(logger, 'The bus of the caches');
  let waiting: { readonly cache: string; readonly scopes: readonly Scope[] }[] = [];
  let isClosed = false;
  let retryTimer: NodeJS.Timeout | undefined;

  function hear(payload: string): void {
    const message = readPayload(payload);
    const id = message?.id;
    if (message === undefined || id === undefined || id.startsWith(processId)) return;
    onMessage(message.cache, message.scopes, id);
  }

  async function publish(cache: string, scopes: readonly Scope[]): Promise<void> {
    for (const payload of compose(cache, scopes, newId())) await bus.publish(payload);
  }

  function newId(): string {
    return `${processId}:${randomUUID()}`;
  }

  function compose(cache: string, scopes: readonly Scope[], id: string): string[] {
    return composePayloads({ cache, scopes, id }, bus.maxPayloadBytes);
  }

  function retryLater(): void {
    if (isClosed || retryTimer !== undefined) return;
    retryTimer = setTimeout(() => {
      retryTimer = undefined;
      const messages = waiting;
      waiting = [];
      for (const { cache, scopes } of messages) void send(cache, scopes);
    }, retryIntervalMs);
    retryTimer.unref();
  }

  async function send(cache: string, scopes: readonly Scope[]): Promise<void> {
    try {
      await publish(cache, scopes);
      outage.up();
    } catch (error) {
      outage.down(error);
      waiting.push({ cache, scopes });
      if (waiting.length > maxWaiting) {
        const caches = new Set(waiting.map((message) => message.cache));
        waiting = [...caches].map((name) => ({ cache: name, scopes: [everything] }));
      }
      retryLater();
    }
  }

  const listening = bus.listen(hear, onGap);
  listening.catch((error: unknown) => outage.down(error));
  return {
    newId,
    send,
    async sendIn(transaction, cache, scopes, id) {
      for (const payload of compose(cache, scopes, id)) await bus.publishIn(transaction, payload);
    },
    async close() {
      isClosed = true;
      clearTimeout(retryTimer);
      const subscription = await listening.catch(() => undefined);
      await subscription?.close();
    },
  };
}

/** As many messages as it takes; when that is too many, one that names everything. */
export function composePayloads(
  message: { readonly cache: string; readonly scopes: readonly Scope[]; readonly id: string },
  maxPayloadBytes: number,
): string[] {
  const { cache, id } = message;
  const frameBytes = Buffer.byteLength(JSON.stringify({ cache, id: `${id}:00`, scopes: [] }));
  const parts: Scope[][] = [];
  let bytes = maxPayloadBytes;
  for (const scope of message.scopes) {
    const scopeBytes = Buffer.byteLength(JSON.stringify(scope)) + 1;
    if (bytes + scopeBytes > maxPayloadBytes) {
      parts.push([]);
      bytes = frameBytes;
    }
    bytes += scopeBytes;
    parts.at(-1)?.push(scope);
    if (parts.length > maxMessages || bytes > maxPayloadBytes) return [JSON.stringify({ cache, id, scopes: [everything] })];
  }
  return parts.map((scopes, index) => JSON.stringify({ cache, id: parts.length === 1 ? id : `${id}:${index}`, scopes }));
}
