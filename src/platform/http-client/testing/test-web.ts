import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterEach } from 'node:test';
import { createLogger, createMetrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { createHttpClient, type HttpClient, type HttpClientOptions } from '../index.ts';

const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });
const closers: (() => Promise<unknown>)[] = [];

/** Call once a file: ends what the functions below began, after each test. */
export function closeAfterEach(): void {
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
}

export function createClient(options: Partial<HttpClientOptions> = {}): HttpClient {
  const client = createHttpClient({
    allowedPrivateHosts: ['*.localhost'],
    userAgent: 'TestBot/1.0',
    metrics: createMetrics('test'),
    logger,
    ...options,
  });
  closers.push(() => client.close());
  return client;
}

async function listen(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

export type TestWeb = {
  readonly port: number;
  url(path?: string, host?: string): string;
  /** Connections that came in so far. */
  readonly connections: () => number;
};

export async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<TestWeb> {
  let connections = 0;
  const server = createServer(answer);
  server.on('connection', () => {
    connections += 1;
  });
  const port = await listen(server);
  closers.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return { port, url: (path = '/', host = 'a.localhost') => `http://${host}:${port}${path}`, connections: () => connections };
}

/** A server that speaks bytes of its own making; gives its port. */
export async function serveBytes(onConnection: (socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    onConnection(socket);
  });
  const port = await listen(server);
  closers.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        for (const socket of sockets) socket.destroy();
      }),
  );
  return port;
}

export async function failureOf(outcome: Promise<unknown>): Promise<AppError> {
  try {
    await outcome;
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    return error;
  }
  assert.fail('the request did not fail');
}

export const codeOf = async (outcome: Promise<unknown>): Promise<string> => (await failureOf(outcome)).code;
