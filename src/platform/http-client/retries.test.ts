import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import { startTcpProxy } from '../../../tests/support/tcp-proxy.ts';
import type { HttpRequest } from './index.ts';
import { closeAfterEach, codeOf, createClient, serve, serveBytes } from './testing/test-web.ts';

closeAfterEach();

/** No jitter: the pauses are as short as they may be. */
const clock = { ...systemClock, random: () => 0 };
const patientMs = 60_000;

/** Answers with these statuses, one after another, and with 200 from then on. */
async function serveStatuses(statuses: readonly number[], headers: Record<string, string> = {}) {
  const arrivals: number[] = [];
  const web = await serve((request, response) => {
    request.resume();
    const status = statuses[arrivals.length] ?? 200;
    arrivals.push(performance.now());
    response.writeHead(status, status === 200 ? {} : headers).end(String(status));
  });
  return { ...web, arrivals };
}

test('what may pass is sent again, up to twice', async () => {
  for (const status of [408, 425, 429, 500, 502, 503, 504]) {
    const web = await serveStatuses([status, status]);
    const answer = await createClient({ clock }).fetch(web.url());
    assert.deepEqual([answer.status, web.arrivals.length], [200, 3], String(status));
  }
  const web = await serveStatuses([503, 503, 503]);
  assert.equal((await createClient({ clock }).fetch(web.url())).body.toString(), '503', 'the last answer is the answer');
  assert.equal(web.arrivals.length, 3);
});

test('an answer that will not change is not asked for again', async () => {
  for (const status of [400, 401, 404, 409, 422, 501]) {
    const web = await serveStatuses([status]);
    assert.equal((await createClient({ clock }).fetch(web.url())).status, status);
    assert.equal(web.arrivals.length, 1, String(status));
  }
});

test('only what does no harm twice is repeated, and nothing with retries: 0', async () => {
  const attemptsOf = async (request: HttpRequest) => {
    const web = await serveStatuses([503]);
    await createClient({ clock }).fetch(web.url(), request);
    return web.arrivals.length;
  };
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE'] as const) assert.equal(await attemptsOf({ method }), 2, method);
  for (const method of ['POST', 'PATCH'] as const) {
    assert.equal(await attemptsOf({ method, body: 'x' }), 1, method);
    assert.equal(await attemptsOf({ method, body: 'x', headers: { 'Idempotency-Key': 'a' } }), 2, method);
  }
  assert.equal(await attemptsOf({ retries: 0 }), 1);
});

test('a connection that breaks, before or within the answer, is made anew', async () => {
  for (const broken of ['', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf']) {
    let connections = 0;
    const port = await serveBytes((socket) => {
      connections += 1;
      const isLast = connections === 3;
      socket.once('data', () => socket.end(isLast ? 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwhole' : broken));
    });
    const answer = await createClient({ clock }).fetch(`http://a.localhost:${port}/`, { totalTimeoutMs: patientMs });
    assert.deepEqual([answer.body.toString(), connections], ['whole', 3]);
  }
});

test('a cut line is met again by the retry, and a host that accepts nobody in time is tried again', async () => {
  const web = await serveStatuses([]);
  const proxy = await startTcpProxy({ targetPort: web.port });
  try {
    proxy.set('cut');
    const metrics = createMetrics('own');
    // Drawn when the first attempt has failed.
    const random = () => {
      proxy.set('open');
      return 0;
    };
    const client = createClient({ metrics, clock: { ...clock, random } });
    assert.equal((await client.fetch(`http://a.localhost:${proxy.port}/`)).status, 200);
    assert.match(await metrics.text(), /aquascene_http_client_retries_total\{reason="connect_failed",role="own"\} 1/);
  } finally {
    await proxy.close();
  }
  let greetings = 0;
  // Takes the connection and never answers the TLS greeting.
  const port = await serveBytes(() => void (greetings += 1));
  const client = createClient({ clock, connectTimeoutMs: 50 });
  assert.equal(await codeOf(client.fetch(`https://a.localhost:${port}/`, { totalTimeoutMs: patientMs, retries: 1 })), 'timed_out');
  assert.equal(greetings, 2);
});

test('Retry-After is waited for, in seconds or until a date', async () => {
  const web = await serveStatuses([503], { 'retry-after': '1' });
  await createClient({ clock }).fetch(web.url(), { totalTimeoutMs: patientMs });
  const [first = 0, second = 0] = web.arrivals;
  // A timer may fire a little early.
  assert.ok(second - first >= 990, `${second - first} ms`);

  const now = () => new Date('2026-11-24T12:00:00.900Z');
  const dated = await serveStatuses([429], { 'retry-after': 'Tue, 24 Nov 2026 12:00:01 GMT' });
  assert.equal((await createClient({ clock: { ...clock, now } }).fetch(dated.url(), { totalTimeoutMs: patientMs })).status, 200);
});

test('an answer that asks for more time than is left is given as it is, at once', async () => {
  for (const retryAfter of ['120', 'Tue, 24 Nov 2026 12:02:00 GMT']) {
    const web = await serveStatuses([503], { 'retry-after': retryAfter });
    const client = createClient({ clock: { ...clock, now: () => new Date('2026-11-24T12:00:00Z') } });
    const answer = await client.fetch(web.url(), { totalTimeoutMs: patientMs });
    assert.deepEqual([answer.status, answer.headers['retry-after'], web.arrivals.length], [503, retryAfter, 1]);
  }
});

test('all attempts together have the one budget', async () => {
  let arrivals = 0;
  const web = await serve((_request, response) => {
    arrivals += 1;
    if (arrivals === 1) response.writeHead(503).end();
  });
  const client = createClient({ clock });
  assert.equal(await codeOf(client.fetch(web.url(), { totalTimeoutMs: 1500, retries: 100 })), 'timed_out');
  assert.equal(arrivals, 2);
});

test('a pause before a retry can be called off', async () => {
  const web = await serveStatuses([503], { 'retry-after': '30' });
  const stop = new AbortController();
  // The pause is about to begin when its jitter is drawn.
  const random = () => {
    setImmediate(() => stop.abort());
    return 0;
  };
  const client = createClient({ clock: { ...clock, random } });
  assert.equal(await codeOf(client.fetch(web.url(), { signal: stop.signal, totalTimeoutMs: patientMs })), 'request_aborted');
  assert.equal(web.arrivals.length, 1);
});

test('retries count over all redirects, and a redirect is not followed anew', async () => {
  const paths: string[] = [];
  const web = await serve((request, response) => {
    paths.push(request.url ?? '');
    if (request.url === '/start') response.writeHead(302, { location: '/end' }).end();
    else response.writeHead(503).end();
  });
  assert.equal((await createClient({ clock }).fetch(web.url('/start'))).status, 503);
  assert.deepEqual(paths, ['/start', '/end', '/end', '/end']);
});
