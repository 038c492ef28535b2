import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger, createMetrics } from '#platform/telemetry';
import { startTcpProxy } from '../../../tests/support/tcp-proxy.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createHostBreakers } from './host-breakers.ts';
import { closeAfterEach, codeOf, createClient, failureOf, serve } from './testing/test-web.ts';

closeAfterEach();

const longMs = 600_000;
const once = { retries: 0 };

/** A host that answers with `status`, which can be changed. */
async function serveHost(first: number) {
  const host = { status: first, requests: 0 };
  const web = await serve((_request, response) => {
    host.requests += 1;
    response.writeHead(host.status).end();
  });
  return Object.assign(host, { url: web.url });
}

test('after failures in a row a host is spared: requests fail at once, and say when to come again', async () => {
  const host = await serveHost(500);
  const metrics = createMetrics('own');
  const client = createClient({ metrics, breaker: { failureThreshold: 3, openMs: longMs } });
  for (let index = 0; index < 3; index += 1) assert.equal((await client.fetch(host.url(), once)).status, 500);
  const error = await failureOf(client.fetch(host.url()));
  assert.deepEqual([error.code, error.retryable, error.status], ['host_unavailable', true, 503]);
  const seconds = error.retryAfterSeconds ?? 0;
  assert.ok(seconds > 0 && seconds <= longMs / 1000, String(seconds));
  assert.equal(host.requests, 3);
  // Another host, though of the same machine, is none of it.
  assert.equal((await client.fetch(host.url('/', 'b.localhost'), once)).status, 500);
  const text = await metrics.text();
  assert.match(text, /aquascene_http_client_breakers\{state="open",role="own"\} 1/);
  assert.match(text, /aquascene_http_client_breakers\{state="closed",role="own"\} 1/);
  assert.match(text, /aquascene_http_client_breaker_changes_total\{state="open",role="own"\} 1/);
  assert.match(text, /outcome="host_unavailable",role="own"\} 1/);
});

test('a success in between, and answers that are no trouble of the host, keep it closed', async () => {
  const host = await serveHost(503);
  const client = createClient({ breaker: { failureThreshold: 3, openMs: longMs } });
  for (const status of [503, 503, 200, 503, 503, 404, 503, 503, 429, 503]) {
    host.status = status;
    assert.equal((await client.fetch(host.url(), once)).status, status);
  }
});

test('the retries of one request do not go on against a host that is spared', async () => {
  const host = await serveHost(503);
  const client = createClient({ breaker: { failureThreshold: 2, openMs: longMs } });
  assert.equal((await client.fetch(host.url(), { retries: 10 })).status, 503, 'what the host said last');
  assert.equal(host.requests, 2);
});

test('a host that is back is used again after one trial', async () => {
  const web = await serveHost(200);
  const proxy = await startTcpProxy({ targetPort: Number(new URL(web.url()).port) });
  try {
    const metrics = createMetrics('own');
    const client = createClient({ metrics, breaker: { failureThreshold: 2, openMs: 20 } });
    const fetch = () => client.fetch(`http://a.localhost:${proxy.port}/`, once);
    proxy.set('cut');
    for (let index = 0; index < 2; index += 1) assert.equal(await codeOf(fetch()), 'connect_failed');
    proxy.set('open');
    await waitFor('the host to be back', async () => {
      const outcome = await fetch().catch((error: unknown) => error);
      return outcome instanceof Error ? undefined : outcome;
    });
    for (let index = 0; index < 3; index += 1) assert.equal((await fetch()).status, 200);
    const text = await metrics.text();
    for (const state of ['open', 'half_open', 'closed']) {
      assert.match(text, new RegExp(`aquascene_http_client_breaker_changes_total\\{state="${state}",role="own"\\} 1`));
    }
  } finally {
    await proxy.close();
  }
});

test('a host that hangs counts as down, also by the time limit of a caller; a caller who gives up says nothing', async () => {
  const web = await serve((request, response) => {
    if (request.url === '/well') response.end();
  });
  const proxy = await startTcpProxy({ targetPort: web.port });
  try {
    const client = createClient({ breaker: { failureThreshold: 2, openMs: longMs } });
    const url = `http://a.localhost:${proxy.port}/`;
    proxy.set('silent');
    for (let index = 0; index < 3; index += 1) {
      const stop = new AbortController();
      const call = codeOf(client.fetch(url, { signal: stop.signal }));
      await waitFor('the connection', () => proxy.connections() > 0);
      stop.abort();
      assert.equal(await call, 'request_aborted');
    }
    assert.equal(await codeOf(client.fetch(url, { totalTimeoutMs: 50 })), 'timed_out');
    assert.equal(await codeOf(client.fetch(url, { signal: AbortSignal.timeout(50) })), 'request_aborted');
    assert.equal(await codeOf(client.fetch(url)), 'host_unavailable');
  } finally {
    await proxy.close();
  }
});

function createBreakers(maxHosts = 1000) {
  const metrics = createMetrics('own');
  const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });
  const breakers = createHostBreakers({ failureThreshold: 2, openMs: longMs, maxHosts, metrics, logger });
  const remembered = async () =>
    [...(await metrics.text()).matchAll(/^aquascene_http_client_breakers\{.*\} (\d+)$/gm)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    );
  return { breakers, remembered };
}

test('healthy hosts are not remembered, and those in trouble up to a number', async () => {
  const { breakers, remembered } = createBreakers(100);
  for (let index = 0; index < 10_000; index += 1) breakers.enter(`well${index}.example:80`)('well');
  assert.equal(await remembered(), 0);
  for (let index = 0; index < 10_000; index += 1) breakers.enter(`ill${index}.example:80`)('in_trouble');
  assert.equal(await remembered(), 100);
  breakers.enter('ill9999.example:80')('well');
  assert.equal(await remembered(), 99);
});

test('a host that is used is not the one that is forgotten', () => {
  const { breakers } = createBreakers(2);
  breakers.enter('a.example:80')('in_trouble');
  breakers.enter('b.example:80')('in_trouble');
  breakers.enter('a.example:80')('unknown');
  breakers.enter('c.example:80')('in_trouble');
  breakers.enter('a.example:80')('in_trouble');
  assert.throws(() => breakers.enter('a.example:80'), { code: 'host_unavailable' });
});

test('what began before a host was spared and ends well does not end its rest', () => {
  const { breakers } = createBreakers();
  const early = breakers.enter('a.example:80');
  for (let index = 0; index < 2; index += 1) breakers.enter('a.example:80')('in_trouble');
  early('well');
  assert.throws(() => breakers.check('a.example:80'), { code: 'host_unavailable' });
});
