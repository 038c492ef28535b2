import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import net from 'node:net';
import { Readable } from 'node:stream';
import { after, afterEach, before, test } from 'node:test';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { createTestServer } from '../../../tests/support/test-server.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import type { ConnectionLimits } from './connections.ts';
import type { HttpServer } from './index.ts';

// What does not matter to a test is so long that the test would fail by its own limit.
const patient: ConnectionLimits = { headersMs: 600_000, requestMs: 600_000, silenceMs: 600_000, keepAliveMs: 600_000, closeMs: 600_000 };
const limit = { timeout: 30_000 };
const open = { config: { access: 'public' } } as const;

let t: TestContext;
let app: HttpServer;
let finish: () => void;
let isStarted: Promise<void>;

before(async () => {
  t = await createTestContext();
});
afterEach(async () => app.close());
after(async () => t.close());

async function listen(limits: Partial<ConnectionLimits>): Promise<number> {
  const { promise: finished, resolve } = Promise.withResolvers<void>();
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  finish = resolve;
  isStarted = started;
  app = await createTestServer(
    t,
    [
      (server) => {
        server.get('/', open, async () => ({ ok: true }));
        server.post('/', open, async () => ({ ok: true }));
        server.get('/slow', open, async () => {
          start();
          await finished;
          return { ok: true };
        });
        server.get('/endless', open, (_request, reply) => {
          const chunk = Buffer.alloc(65_536);
          const body = new Readable({ read: () => void body.push(chunk) });
          return reply.type('application/octet-stream').send(body);
        });
      },
    ],
    { limits: { ...patient, ...limits } },
  );
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

type Client = { readonly socket: net.Socket; readonly text: () => string; readonly isClosed: Promise<unknown> };

async function connect(port: number, text = ''): Promise<Client> {
  const socket = net.connect(port, '127.0.0.1');
  let received = '';
  socket.on('data', (chunk) => void (received += chunk.toString('latin1')));
  // A connection that is cut ends in an error or in silence: both are closed.
  socket.on('error', () => undefined);
  const isClosed = once(socket, 'close');
  await once(socket, 'connect');
  socket.write(text);
  return { socket, text: () => received, isClosed };
}

const countConnections = (): Promise<number> => new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)));

test('headers that do not end, and a connection on which nothing comes, are closed', limit, async () => {
  const port = await listen({ headersMs: 100 });
  const slow = await connect(port, 'GET / HTTP/1.1\r\nhost: x\r\nx-a: ');
  const silent = await connect(port);
  await Promise.all([slow.isClosed, silent.isClosed]);
  assert.match(slow.text(), /^HTTP\/1\.1 408 /);
  assert.match(slow.text(), /application\/problem\+json.*"code":"request_timeout"/s);
});

test('a body that does not end is closed', limit, async () => {
  const port = await listen({ requestMs: 200, headersMs: 100 });
  const { text, isClosed } = await connect(
    port,
    'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a":',
  );
  await isClosed;
  assert.match(text(), /^HTTP\/1\.1 408 /);
});

test('an answer that nobody reads is given up', limit, async () => {
  const port = await listen({ silenceMs: 200 });
  const { socket } = await connect(port, 'GET /endless HTTP/1.1\r\nhost: x\r\n\r\n');
  socket.pause();
  await waitFor('the connection to be given up', async () => (await countConnections()) === 0);
  socket.destroy();
});

test('what is no HTTP, and headers that are too large, get a problem', limit, async () => {
  const port = await listen({});
  for (const [request, status, code] of [
    ['nonsense\r\n\r\n', 400, 'malformed_request'],
    ['GET / HTTP/1.1\r\n\r\n', 400, ''],
    ['GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n', 400, 'malformed_request'],
    ['POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 400, 'malformed_request'],
    [`GET / HTTP/1.1\r\nhost: x\r\nx-a: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
  ] as const) {
    const { text, isClosed } = await connect(port, request);
    await isClosed;
    assert.ok(text().startsWith(`HTTP/1.1 ${status} `), text());
    assert.ok(text().includes(code));
  }
});

test('addresses that clients do not send by themselves', limit, async () => {
  const port = await listen({});
  for (const target of ['//', '//evil.example/', '/\\', '*', 'http://evil.example/', '/%', '/?%', '/a b']) {
    const { text, isClosed } = await connect(port, `GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    await isClosed;
    assert.match(text(), /^HTTP\/1\.1 [24]\d\d /, target);
  }
});

test('open connections do not keep a closing server: neither idle ones, nor half a request', limit, async () => {
  const port = await listen({});
  const clients = await Promise.all([
    connect(port),
    connect(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'),
    connect(port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HT'),
    connect(port, 'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{'),
  ]);
  await waitFor('two answers', () => clients.filter(({ text }) => text().includes('{"ok":true}')).length === 2);
  await app.close();
  await Promise.all(clients.map(({ isClosed }) => isClosed));
});

test('what runs when the server closes ends and is answered, and its connection goes at once', limit, async () => {
  const port = await listen({});
  const agent = new Agent({ keepAlive: true });
  const request = httpRequest({ port, path: '/slow', agent }).end();
  await isStarted;
  const closed = app.close();
  finish();
  const [response] = await once(request, 'response');
  assert.equal(response.statusCode, 200);
  response.resume();
  await closed;
  agent.destroy();
});

test('what does not end in time is cut off', limit, async () => {
  const port = await listen({ closeMs: 100 });
  const { text, isClosed } = await connect(port, 'GET /slow HTTP/1.1\r\nhost: x\r\n\r\n');
  await isStarted;
  await app.close();
  await isClosed;
  assert.equal(text(), '');
  finish();
});
