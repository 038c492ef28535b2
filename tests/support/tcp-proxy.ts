import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * `open` passes everything on. `silent` accepts connections and answers nothing, and passes nothing on in those that stand:
 * a cut cable, a frozen machine. `cut` ends every connection, those that stand and each new one.
 */
type Mode = 'open' | 'silent' | 'cut';

export type TcpProxyOptions = {
  readonly targetPort: number;
  /** Where to listen; a free port unless told. */
  readonly port?: number;
};

export type TcpProxy = {
  readonly port: number;
  /** Bytes that went from the target to the clients so far. */
  bytesAnswered(): number;
  connections(): number;
  set(mode: Mode): void;
  /** Each chunk waits this long, in each direction. */
  setLatency(latencyMs: number): void;
  /** Bytes a second, in each direction of each connection. Undefined: as fast as it goes. */
  setBandwidth(bytesPerSecond: number | undefined): void;
  /** Ends the connections after this many further bytes of the clients have gone through, and stays `cut`. */
  cutAfter(clientBytes: number): void;
  close(): Promise<void>;
};

/** A reset, as of a cut line. On a socket that is being shut down libuv refuses it, and the process could then never end. */
function cut(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** A TCP proxy on loopback that can be made as bad as a network gets. */
export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  let mode: Mode = 'open';
  let latencyMs = 0;
  let bytesPerSecond: number | undefined;
  let answered = 0;
  let bytesUntilCut = Number.POSITIVE_INFINITY;
  let changed = Promise.withResolvers<void>();
  const pairs = new Set<readonly [Socket, Socket]>();

  const destroyAll = () => {
    for (const pair of pairs) for (const socket of pair) cut(socket);
  };
  function set(next: Mode): void {
    mode = next;
    changed.resolve();
    changed = Promise.withResolvers<void>();
    if (mode === 'cut') destroyAll();
  }

  async function pump(from: Socket, to: Socket, count: (bytes: number) => void): Promise<void> {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      // Held back, not lost: TCP itself would send it again.
      while (mode === 'silent') await changed.promise;
      if (latencyMs > 0) await delay(latencyMs);
      if (bytesPerSecond !== undefined) await delay((chunk.length / bytesPerSecond) * 1000);
      count(chunk.length);
      if (to.destroyed) return;
      if (!to.write(chunk)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
    }
    to.end();
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (mode === 'cut') {
      client.resetAndDestroy();
      return;
    }
    const target = connect({ port: options.targetPort, host: '127.0.0.1', allowHalfOpen: true });
    const pair = [client, target] as const;
    pairs.add(pair);
    const end = () => {
      for (const socket of pair) socket.destroy();
      pairs.delete(pair);
    };
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.once('error', end);
      socket.once('close', () => client.destroyed && target.destroyed && end());
    }
    const count = (bytes: number) => {
      bytesUntilCut -= bytes;
      if (bytesUntilCut <= 0) set('cut');
    };
    pump(client, target, count).catch(end);
    pump(target, client, (bytes) => void (answered += bytes)).catch(end);
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');

  return {
    port: (server.address() as AddressInfo).port,
    bytesAnswered: () => answered,
    connections: () => pairs.size,
    set,
    setLatency: (ms) => void (latencyMs = ms),
    setBandwidth: (rate) => void (bytesPerSecond = rate),
    cutAfter: (clientBytes) => void (bytesUntilCut = clientBytes),
    async close() {
      set('cut');
      server.close();
      await once(server, 'close');
    },
  };
}
