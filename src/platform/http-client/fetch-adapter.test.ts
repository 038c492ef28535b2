import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { AppError } from '#shared/errors';
import { findFreePort } from '../../../tests/support/free-port.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createFetch } from './index.ts';
import { closeAfterEach, codeOf, createClient, serve } from './testing/test-web.ts';

closeAfterEach();

type Seen = { readonly method: string; readonly body: string; readonly headers: Readonly<Record<string, string>> };

test('requests and answers go through as with fetch itself', async () => {
  const web = await serve((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => void (body += chunk.toString()));
    request.on('end', () => {
      response.writeHead(201, { 'content-encoding': 'gzip', 'content-type': 'application/json' });
      response.end(gzipSync(JSON.stringify({ method: request.method, body, headers: request.headers })));
    });
  });
  const fetch = createFetch(createClient());
  const init = { method: 'POST', body: '{"a":1}', headers: { 'Content-Type': 'application/json', authorization: 'Bearer x' } };
  for (const response of [await fetch(web.url('/v1'), init), await fetch(new Request(web.url('/v1'), init))]) {
    assert.deepEqual([response.status, response.ok, response.url], [201, true, web.url('/v1')]);
    assert.equal(response.headers.get('content-encoding'), null, 'it is decompressed');
    const seen = (await response.json()) as Seen;
    assert.deepEqual([seen.method, seen.body], ['POST', '{"a":1}']);
    assert.deepEqual([seen.headers['content-type'], seen.headers.authorization], ['application/json', 'Bearer x']);
  }
  const form = await fetch(new URL(web.url()), { method: 'PUT', body: new URLSearchParams({ b: '2' }) });
  assert.equal(((await form.json()) as Seen).body, 'b=2');
});

test('answers without a body, and redirects, are those of fetch', async () => {
  const web = await serve((request, response) => {
    if (request.url === '/away') response.writeHead(307, { location: '/end' }).end();
    else response.writeHead(request.url === '/end' ? 200 : 204).end();
  });
  const fetch = createFetch(createClient());
  assert.equal((await fetch(web.url('/nothing'))).status, 204);
  assert.equal((await fetch(web.url('/away'))).url, web.url('/end'));
  await assert.rejects(fetch(web.url('/away'), { redirect: 'error' }), { message: 'fetch failed' });
  await assert.rejects(fetch(web.url('/away'), { redirect: 'manual' }), TypeError);
});

test('a failure is a TypeError with its cause; what is called off fails with its reason', async () => {
  let arrived = 0;
  const web = await serve(() => void (arrived += 1));
  const fetch = createFetch(createClient(), { retries: 0, totalTimeoutMs: 60_000 });
  await assert.rejects(fetch(`http://a.localhost:${await findFreePort()}/`), (error: unknown) => {
    assert.ok(error instanceof TypeError && error.cause instanceof AppError);
    assert.deepEqual([error.message, error.cause.code], ['fetch failed', 'connect_failed']);
    return true;
  });
  const stop = new AbortController();
  const call = assert.rejects(fetch(web.url(), { signal: stop.signal }), /no longer wanted/);
  await waitFor('the request', () => arrived === 1);
  stop.abort(new Error('no longer wanted'));
  await call;
});

test('a service of the house is reached at its private address by whoever is sent to it, and by nobody else', async () => {
  const web = await serve((_request, response) => response.end('models'));
  const client = createClient({ allowedPrivateHosts: [], serviceHosts: [`localhost:${web.port}`] });
  const fetch = createFetch(client, { isToService: true });
  assert.equal(await (await fetch(`http://localhost:${web.port}/`)).text(), 'models');
  // Not even over the connection that stands by now.
  assert.equal(await codeOf(client.fetch(`http://localhost:${web.port}/`)), 'address_refused');
  const other = await serve((_request, response) => response.end());
  await assert.rejects(fetch(`http://localhost:${other.port}/`), TypeError);
  assert.deepEqual([web.connections(), other.connections()], [1, 0]);
});
