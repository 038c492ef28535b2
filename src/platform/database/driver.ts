import { Socket } from 'node:net';
import pg from 'pg';
import type { ConnectionSettings } from './connection-settings.ts';
import { startupOptionsOf } from './session-settings.ts';

const keepAliveAfterMs = 10_000;

// bigint (20) as a number: ids are UUIDs, so every int8 is a count. numeric (1700) as a number. date (1082) stays text.
const typeParsers = new Map<number, (text: string) => unknown>([
  [20, Number],
  [1700, Number],
  [1082, (text: string) => text],
]);

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    typeParsers.get(oid) ?? pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

/** Host and port, without what must not be shown. */
export function nameOfServer(url: string): string {
  const { hostname, port, searchParams } = new URL(url);
  return `${hostname === '' ? (searchParams.get('host') ?? 'localhost') : hostname}:${port === '' ? '5432' : port}`;
}

/** What the driver is told of each connection. Options in the address come after ours, and so outdo them. */
export function driverConfigOf(url: string, settings: ConnectionSettings, purpose: string): pg.ClientConfig {
  const address = new URL(url);
  const given = address.searchParams.get('options');
  address.searchParams.delete('options');
  const options = [settings.isPooled ? '' : startupOptionsOf(settings), given ?? ''].filter((part) => part !== '').join(' ');
  return {
    connectionString: address.toString(),
    application_name: purpose === '' ? settings.applicationName : `${settings.applicationName}-${purpose}`,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveAfterMs,
    types,
    ...(options !== '' && { options }),
  };
}

/** Sockets of ours that are open: to a server that is silent no connection can be ended but by cutting it. */
export function createSocketRegister() {
  const sockets = new Set<Socket>();
  return {
    create(): Socket {
      const socket = new Socket();
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    },
    cutAll(): void {
      for (const socket of sockets) socket.destroy();
    },
  };
}
