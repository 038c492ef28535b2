import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import type { HttpServer } from '#platform/http-server';
import { createTestContext, type TestContext } from '../../../tests/support/test-context.ts';
import { createTestServer } from '../../../tests/support/test-server.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createStorage } from './storage.ts';
import { createStorageRoutes } from './storage-routes.ts';
import type { SignedUrlOptions, Storage } from './storage-types.ts';

const secret = 'a secret of the tests';
const maxUploadBytes = 1_000_000;
const read: SignedUrlOptions = { method: 'GET', expiresInS: 60 };
const write: SignedUrlOptions = { method: 'PUT', expiresInS: 60 };

let context: TestContext;
let app: HttpServer;
let storage: Storage;
let folder = '';

before(async () => {
  context = await createTestContext();
  folder = await mkdtemp(path.join(os.tmpdir(), 'aquascene-storage-'));
  // The port is known once the server listens, and signed addresses do not depend on it.
  storage = createStorage({ ...context, config: { kind: 'folder', folder }, publicUrl: 'http://localhost', secret });
  app = await createTestServer(context, [createStorageRoutes({ storage, clock: context.clock, secret, maxUploadBytes })]);
  await app.listen({ host: '127.0.0.1', port: 0 });
});
after(async () => {
  await app.close();
  await storage.close();
  await rm(folder, { recursive: true });
  await context.close();
});

const portOf = () => (app.server.address() as AddressInfo).port;

async function call(url: string, init: RequestInit = {}): Promise<Response> {
  const at = new URL(url);
  at.port = String(portOf());
  return fetch(at, init);
}

async function codeOf(response: Response): Promise<readonly [number, string]> {
  const { code } = (await response.json()) as { readonly code: string };
  return [response.status, code];
}

async function store(key: string, content: string, contentType = 'text/plain'): Promise<string> {
  await storage.put(key, Buffer.from(content), { contentType });
  return storage.signedUrl(key, read);
}

test('an address gives the object, whatever its key', async () => {
  for (const key of ['plain.txt', 'größe/a b/100%25 ?&#+.txt', "it's/(a) *!", 'x%2Fy/\\', 'a'.repeat(1024)]) {
    const response = await call(await store(key, key));
    assert.equal(response.status, 200, key);
    assert.equal(await response.text(), key);
  }
});

test('an answer says what was stored, and lets nothing of it run', async () => {
  const { headers } = await call(await store('docs/söme.html', '<script>alert(1)</script>', 'text/html'));
  assert.equal(headers.get('content-type'), 'text/html');
  assert.equal(headers.get('content-disposition'), "attachment; filename*=UTF-8''s%C3%B6me.html");
  assert.equal(headers.get('content-security-policy'), "default-src 'none'; sandbox");
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('content-length'), '25');
  assert.equal(headers.get('accept-ranges'), 'bytes');
  assert.match(headers.get('cache-control') ?? '', /^private, max-age=\d+$/);
  for (const [type, disposition] of [
    ['image/png', 'inline'],
    ['video/mp4', 'inline'],
    ['text/plain; charset=utf-8', 'inline'],
    ['image/svg+xml', 'attachment'],
    ['application/pdf', 'attachment'],
    ['text/plainer', 'attachment'],
    ['IMAGE/SVG+XML', 'attachment'],
  ] as const) {
    const response = await call(await store('docs/file', 'x', type));
    assert.ok(response.headers.get('content-disposition')?.startsWith(disposition), type);
    await response.text();
  }
});

test('what is long is not compressed on its way, so that lengths and tags hold', async () => {
  const long = 'word '.repeat(10_000);
  const response = await call(await store('docs/long.txt', long), { headers: { 'accept-encoding': 'gzip, br' } });
  assert.equal(response.headers.get('content-encoding'), null);
  assert.equal(response.headers.get('content-length'), String(long.length));
  assert.equal(await response.text(), long);
});

test('HEAD says the same without the content', async () => {
  const url = await store('docs/head.txt', 'content');
  const [get, head] = [await call(url), await call(url, { method: 'HEAD' })];
  assert.equal(head.status, 200);
  for (const name of ['content-length', 'content-type', 'etag', 'last-modified', 'content-disposition', 'accept-ranges']) {
    assert.ok(head.headers.get(name));
    assert.equal(head.headers.get(name), get.headers.get(name), name);
  }
  assert.equal(await head.text(), '');
  await get.text();
});

test('a part is given where one is asked for', async () => {
  const url = await store('docs/digits', '0123456789');
  const ask = (range: string, headers: Record<string, string> = {}) => call(url, { headers: { range, ...headers } });
  for (const [range, expected, contentRange] of [
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-2', '89', 'bytes 8-9/10'],
  ] as const) {
    const part = await ask(range);
    assert.deepEqual([part.status, part.headers.get('content-range')], [206, contentRange]);
    assert.equal(part.headers.get('content-length'), String(expected.length));
    assert.equal(await part.text(), expected);
  }
  for (const range of ['bytes=4-2', 'lines=1-2', 'bytes=0-1,3-4', 'bytes=-', 'nonsense']) {
    const whole = await ask(range);
    assert.deepEqual([whole.status, await whole.text()], [200, '0123456789'], range);
  }
  const beyond = await ask('bytes=10-');
  assert.equal(beyond.headers.get('content-range'), 'bytes */10');
  assert.deepEqual(await codeOf(beyond), [416, 'range_not_satisfiable']);
  const etag = (await ask('bytes=0-0')).headers.get('etag') ?? '';
  assert.equal((await ask('bytes=0-0', { 'if-range': etag })).status, 206);
  assert.equal((await ask('bytes=0-0', { 'if-range': '"another"' })).status, 200);
});

test('what the reader has already is not sent again', async () => {
  const url = await store('docs/cached', 'content');
  const first = await call(url);
  const etag = first.headers.get('etag') ?? '';
  const modified = first.headers.get('last-modified') ?? '';
  await first.text();
  const ask = async (headers: Record<string, string>) => (await call(url, { headers })).status;
  assert.equal(await ask({ 'if-none-match': etag }), 304);
  assert.equal(await ask({ 'if-none-match': `"other", W/${etag}` }), 304);
  assert.equal(await ask({ 'if-none-match': '*' }), 304);
  assert.equal(await ask({ 'if-none-match': '"other"' }), 200);
  assert.equal(await ask({ 'if-modified-since': modified }), 304);
  assert.equal(await ask({ 'if-modified-since': new Date(0).toUTCString() }), 200);
  assert.equal(await ask({ 'if-modified-since': modified, 'if-none-match': '"other"' }), 200);
  await store('docs/cached', 'another content');
  assert.equal(await ask({ 'if-none-match': etag }), 200);
});

test('an upload is stored as it was signed for', async () => {
  const url = await storage.signedUrl('uploads/ä.png', { ...write, contentType: 'image/png' });
  const upload = (headers: Record<string, string>) => call(url, { method: 'PUT', body: 'picture', headers });
  assert.deepEqual(await codeOf(await upload({ 'content-type': 'text/html' })), [415, 'content_type_wrong']);
  const stored = await upload({ 'content-type': 'image/png' });
  assert.equal(stored.status, 201);
  const head = await storage.head('uploads/ä.png');
  assert.equal(head.kind, 'found');
  assert.deepEqual([head.contentType, head.sizeBytes, head.etag], ['image/png', 7, stored.headers.get('etag')]);
  for (const contentType of ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const any = await storage.signedUrl('uploads/any', write);
    const answer = await call(any, { method: 'PUT', body: 'not parsed {', headers: { 'content-type': contentType } });
    assert.equal(answer.status, 201, contentType);
  }
  const empty = await storage.signedUrl('uploads/empty', write);
  assert.equal((await call(empty, { method: 'PUT' })).status, 201);
});

test('an upload that is too large is refused, with an answer', async () => {
  const url = await storage.signedUrl('uploads/large', write);
  const answer = await call(url, { method: 'PUT', body: Buffer.alloc(maxUploadBytes + 1) });
  assert.deepEqual(await codeOf(answer), [413, 'object_too_large']);
  assert.equal(await storage.exists('uploads/large'), false);
});

test('after an upload that was given up the connection serves the next request', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send = async (url: string, method: string, body = '') => {
    const { pathname, search } = new URL(url);
    const headers = { 'content-type': 'text/plain', 'content-length': body.length };
    const ask = request({ port: portOf(), agent, method, path: pathname + search, headers }).end(body);
    const [answer] = (await once(ask, 'response')) as [IncomingMessage];
    const { localPort } = answer.socket;
    await buffer(answer);
    return [answer.statusCode, localPort];
  };
  const get = await store('docs/next', 'content');
  const put = await storage.signedUrl('uploads/long', write);
  const [status, port] = await send(put, 'PUT', 'x'.repeat(2 * maxUploadBytes));
  assert.equal(status, 413);
  assert.deepEqual(await send(get, 'GET'), [200, port]);
  agent.destroy();
});

test('of an upload whose client goes away nothing remains', async () => {
  const { pathname, search } = new URL(await storage.signedUrl('uploads/cut', write));
  const socket = connect(portOf(), '127.0.0.1');
  await once(socket, 'connect');
  socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\ncontent-type: text/plain\r\n\r\nhalf`);
  const metric = async () =>
    /aquascene_storage_operations_total\{.*operation="put",outcome="failed".*\} (\d+)/.exec(await context.metrics.text())?.[1];
  const uploads = async () => (await readdir(path.join(folder, 'uploads'))).length;
  await waitFor('the upload to begin', async () => (await uploads()) === 1);
  socket.destroy();
  await waitFor('the upload to end', async () => (await uploads()) === 0 && (await metric()) === '1');
  assert.equal(await storage.exists('uploads/cut'), false);
});

test('an address holds for its method, its key, its type and its time only', async () => {
  await store('docs/mine', 'mine');
  await store('docs/theirs', 'theirs');
  const url = await storage.signedUrl('docs/mine', read);
  const changed = (change: (address: URL) => void) => {
    const address = new URL(url);
    change(address);
    return call(address.toString());
  };
  const invalid = [403, 'link_invalid'];
  assert.deepEqual(await codeOf(await call(url, { method: 'PUT', body: 'x' })), invalid);
  assert.deepEqual(await codeOf(await call(await storage.signedUrl('docs/mine', write))), invalid);
  assert.deepEqual(await codeOf(await changed((a) => (a.pathname = a.pathname.replace('mine', 'theirs')))), invalid);
  assert.deepEqual(await codeOf(await changed((a) => a.searchParams.set('expires', '99999999999'))), invalid);
  assert.deepEqual(await codeOf(await changed((a) => a.searchParams.set('type', 'text/html'))), invalid);
  assert.deepEqual(await codeOf(await changed((a) => a.searchParams.set('signature', 'A'.repeat(22)))), invalid);
  assert.deepEqual(await codeOf(await changed((a) => a.searchParams.set('signature', ''))), invalid);
  assert.equal((await changed((a) => a.searchParams.delete('signature'))).status, 400);
  assert.equal((await changed((a) => a.searchParams.set('more', '1'))).status, 400);
  const { clock } = context;
  clock.set(new Date());
  const short = await storage.signedUrl('docs/mine', { ...read, expiresInS: 60 });
  clock.advance(59_000);
  assert.equal((await call(short)).status, 200);
  clock.advance(1000);
  assert.deepEqual(await codeOf(await call(short)), [403, 'link_expired']);
});

test('an address of what is not there says so', async () => {
  assert.deepEqual(await codeOf(await call(await storage.signedUrl('docs/nothing', read))), [404, 'not_found']);
});
