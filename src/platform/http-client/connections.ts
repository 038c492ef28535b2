import { isIP, type LookupFunction, Socket } from 'node:net';
import { Agent, buildConnector, Client, Pool } from 'undici';
import type { AddressGuard } from './address-guard.ts';
import { toAppError } from './failure.ts';

export type ConnectionLimits = {
  readonly maxConnections: number;
  readonly maxConnectionsPerHost: number;
  readonly keepAliveMs: number;
  readonly connectTimeoutMs: number;
  readonly maxHeaderBytes: number;
};

export type Connections = {
  /** One for each set of rules: a connection that was made under one is never used for a request under another. */
  createDispatcher(guard: AddressGuard): Agent;
  /** Open ones and those that are being made. */
  readonly count: () => number;
  close(): Promise<void>;
};

/**
 * The only way out: every connection goes to an address that the guard has passed, and to no other that the name may have
 * got in the meantime.
 */
export function createConnections(limits: ConnectionLimits): Connections {
  // In the order of their opening; a client has one at most.
  const sockets = new Map<Client, Socket>();
  const dispatchers: Agent[] = [];

  /** No more requests run at once than connections may be open: at the limit some are idle, and the oldest makes room. */
  function makeRoom(): void {
    if (sockets.size < limits.maxConnections) return;
    for (const [client, socket] of sockets) {
      if (!client.stats.connected || client.stats.size > 0) continue;
      sockets.delete(client);
      socket.destroy();
      return;
    }
  }

  function createClient(guard: AddressGuard, origin: URL, options: object, open: buildConnector.connector): Client {
    const connect: buildConnector.connector = (target, callback) => {
      const refusal = isIP(target.hostname) === 0 ? undefined : guard.findRefusal(target.hostname, portOf(origin));
      if (refusal !== undefined) {
        queueMicrotask(() => callback(refusal, null));
        return;
      }
      makeRoom();
      // Undici's connector gives its socket at once, though its types do not say so.
      const socket: unknown = open(target, callback);
      if (!(socket instanceof Socket)) return;
      sockets.set(client, socket);
      socket.once('close', () => {
        if (sockets.get(client) === socket) sockets.delete(client);
      });
    };
    const client = new Client(origin, { ...options, connect });
    return client;
  }

  function createPool(guard: AddressGuard, origin: string | URL, options: object): Pool {
    const port = portOf(new URL(origin));
    const open = buildConnector({
      timeout: limits.connectTimeoutMs,
      allowH2: false,
      lookup: createGuardedLookup(guard, port),
    });
    return new Pool(origin, {
      ...options,
      connections: limits.maxConnectionsPerHost,
      factory: (clientOrigin, clientOptions) => createClient(guard, clientOrigin, clientOptions, open),
    });
  }

  return {
    createDispatcher(guard) {
      const dispatcher = new Agent({
        allowH2: false,
        keepAliveTimeout: limits.keepAliveMs,
        keepAliveMaxTimeout: limits.keepAliveMs,
        maxHeaderSize: limits.maxHeaderBytes,
        // The client's own clock ends what takes too long.
        headersTimeout: 0,
        bodyTimeout: 0,
        factory: (origin, options) => createPool(guard, origin, options),
      });
      dispatchers.push(dispatcher);
      return dispatcher;
    },
    count: () => sockets.size,
    async close() {
      for (const dispatcher of dispatchers) await dispatcher.destroy();
      // Undici leaves those alone that are still being made.
      for (const socket of sockets.values()) socket.destroy();
    },
  };
}

export function portOf(origin: URL): number {
  if (origin.port !== '') return Number(origin.port);
  return origin.protocol === 'https:' ? 443 : 80;
}

function createGuardedLookup(guard: AddressGuard, port: number): LookupFunction {
  return (hostname, options, callback) => {
    guard.resolve(hostname, port).then(
      (addresses) => {
        const [first] = addresses;
        if (options.all === true || first === undefined) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(toAppError(error), []),
    );
  };
}
