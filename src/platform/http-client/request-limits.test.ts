import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '#platform/telemetry';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { closeAfterEach, codeOf, createClient, failureOf, serve, serveBytes } from './testing/test-web.ts';

closeAfterEach();

test('a server that is silent, or speaks too slowly, is given up in time', async () => {
  const timers = new Set<NodeJS.Timeout>();
  const web = await serve((request, response) => {
    if (request.url === '/silent') return;
    response.writeHead(200);
    const timer = setInterval(() => response.write('.'), 10);
    timers.add(timer);
    response.on('close', () => clearInterval(timer));
  });
  const client = createClient();
  for (const path of ['/silent', '/drip']) {
    const error = await failureOf(client.fetch(web.url(path), { totalTimeoutMs: 150 }));
    assert.deepEqual([error.code, error.retryable, error.status], ['timed_out', true, 504], path);
    assert.match(error.message, /^a\.localhost:\d+ did not answer in time/);
  }
});

test('the time over all redirects is one budget, in which the hook does not count', async () => {
  const web = await serve((request, response) => {
    const count = Number(request.url?.slice(1));
    setTimeout(() => response.writeHead(302, { location: `/${count + 1}` }).end(), 60);
  });
  const client = createClient();
  assert.equal(await codeOf(client.fetch(web.url('/1'), { totalTimeoutMs: 200, maxRedirects: 100 })), 'timed_out');
  const startedAt = performance.now();
  const patient = client.fetch(web.url('/1'), {
    totalTimeoutMs: 5000,
    maxRedirects: 1,
    onRedirect: async () => void (await waitFor('longer than the limit', () => performance.now() - startedAt > 100)),
  });
  assert.equal(await codeOf(patient), 'too_many_redirects');
});

test('a connection that is never made is given up after the connect timeout', async () => {
  // Takes the connection and never answers the TLS greeting.
  const port = await serveBytes(() => undefined);
  const client = createClient({ connectTimeoutMs: 50 });
  const error = await failureOf(client.fetch(`https://a.localhost:${port}/`, { retries: 0 }));
  assert.deepEqual([error.code, error.retryable], ['timed_out', true]);
});

test('at most so many requests run at once, and so many connections to one host', async () => {
  let running = 0;
  let most = 0;
  const held: (() => void)[] = [];
  const web = await serve((_request, response) => {
    running += 1;
    most = Math.max(most, running);
    held.push(() => {
      running -= 1;
      response.end();
    });
  });
  const letGo = async (all: Promise<unknown>[], expected: number) => {
    await waitFor('the limit to be reached', () => held.length === expected);
    let isDone = false;
    const done = Promise.all(all).then(() => {
      isDone = true;
    });
    await waitFor('all to be answered', () => {
      for (const answer of held.splice(0)) answer();
      return isDone;
    });
    await done;
    assert.equal(most, expected);
    most = 0;
  };
  const few = createClient({ maxRequests: 3 });
  await letGo(
    Array.from({ length: 8 }, (_, index) => few.fetch(web.url('/', `h${index}.localhost`))),
    3,
  );
  const many = createClient();
  await letGo(
    Array.from({ length: 30 }, () => many.fetch(web.url())),
    20,
  );
});

test('idle connections make room for new ones, and one to the same host is used again', async () => {
  const web = await serve((_request, response) => response.end('x'));
  const metrics = createMetrics('own');
  const client = createClient({ metrics, maxConnections: 4, maxRequests: 2 });
  const open = async () => Number(/^aquascene_http_client_connections\{.*\} (\d+)$/m.exec(await metrics.text())?.[1]);
  for (let index = 0; index < 10; index += 1) {
    await client.fetch(web.url('/', `h${index}.localhost`));
    assert.ok((await open()) <= 4);
  }
  assert.equal(await open(), 4);
  // A connection counts as busy until the turn after its answer: of two, one is free for certain.
  await client.fetch(web.url('/', 'h9.localhost'));
  const before = web.connections();
  await client.fetch(web.url('/', 'h9.localhost'));
  assert.equal(web.connections(), before);
  await client.close();
  await waitFor('all connections to end', async () => (await open()) === 0);
});

test('a request can be called off, waiting or running; closing ends the rest', async () => {
  let arrived = 0;
  const web = await serve(() => {
    arrived += 1;
  });
  const client = createClient({ maxRequests: 1 });
  const stop = new AbortController();
  const running = codeOf(client.fetch(web.url(), { signal: stop.signal }));
  const waiting = codeOf(client.fetch(web.url(), { signal: stop.signal }));
  await waitFor('the first request', () => arrived === 1);
  stop.abort();
  assert.deepEqual(await Promise.all([running, waiting]), ['request_aborted', 'request_aborted']);
  const last = codeOf(client.fetch(web.url()));
  await waitFor('the last request', () => arrived === 2);
  await client.close();
  assert.equal(await last, 'client_closed');
  assert.equal(await codeOf(client.fetch(web.url())), 'client_closed');
});

test('closing ends connections that are still being made', async () => {
  let isEnded = false;
  let isTaken = false;
  const port = await serveBytes((socket) => {
    isTaken = true;
    socket.resume();
    socket.once('close', () => {
      isEnded = true;
    });
  });
  const client = createClient({ connectTimeoutMs: 600_000 });
  const pending = codeOf(client.fetch(`https://a.localhost:${port}/`));
  await waitFor('the connection', () => isTaken);
  await client.close();
  assert.equal(await pending, 'client_closed');
  await waitFor('its end', () => isEnded);
});
