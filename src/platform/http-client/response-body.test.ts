import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { closeAfterEach, codeOf, createClient, failureOf, serve } from './testing/test-web.ts';

closeAfterEach();

const encodings = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
  identity: (data: Buffer) => data,
  'utf-8': (data: Buffer) => data,
  'gzip, br': (data: Buffer) => brotliCompressSync(gzipSync(data)),
} as const;

test('every encoding is taken apart, also where servers are careless', async () => {
  const text = Buffer.from('Vallisneria '.repeat(2000));
  let body: Buffer = text;
  const web = await serve((request, response) => {
    assert.equal(request.headers['accept-encoding'], 'gzip, deflate, br, zstd');
    response.writeHead(200, { 'content-encoding': decodeURIComponent(request.url?.slice(1) ?? '') });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  const client = createClient();
  for (const [encoding, encode] of Object.entries(encodings)) {
    body = encode(text);
    assert.deepEqual((await client.fetch(web.url(`/${encodeURIComponent(encoding)}`))).body, text, encoding);
    body = Buffer.alloc(0);
    assert.equal((await client.fetch(web.url(`/${encodeURIComponent(encoding)}`))).body.length, 0, `${encoding}, empty`);
  }
  body = deflateRawSync(text);
  assert.deepEqual((await client.fetch(web.url('/deflate'))).body, text, 'deflate without a zlib header');
  body = gzipSync(text).subarray(0, -8);
  assert.deepEqual((await client.fetch(web.url('/gzip'))).body, text, 'gzip without its end');
  assert.equal((await client.fetch(web.url('/gzip'), { method: 'HEAD' })).body.length, 0);
  for (const encoding of ['gzip', 'br', 'zstd', 'deflate']) {
    body = Buffer.from('\x08this was never compressed');
    assert.equal(await codeOf(client.fetch(web.url(`/${encoding}`))), 'response_invalid', encoding);
  }
  assert.equal(await codeOf(client.fetch(web.url('/gzip,gzip,gzip,gzip'))), 'response_invalid');
});

test('a small body that unpacks to a large one is given up at the limit', async () => {
  const large = Buffer.alloc(20 * 1024 * 1024);
  const bombs = new Map(Object.entries(encodings).map(([encoding, encode]) => [encoding, encode(large)]));
  bombs.delete('identity');
  bombs.delete('utf-8');
  const web = await serve((request, response) => {
    const encoding = decodeURIComponent(request.url?.slice(1) ?? '');
    response.writeHead(200, { 'content-encoding': encoding }).end(bombs.get(encoding));
  });
  const client = createClient();
  for (const [encoding, bomb] of bombs) {
    assert.ok(bomb.length < 100_000, encoding);
    assert.equal(
      await codeOf(client.fetch(web.url(`/${encodeURIComponent(encoding)}`), { maxBytes: 1_000_000 })),
      'body_too_large',
      encoding,
    );
  }
});

test('a body beyond the limit is not read to its end, whether its length was told or not', async () => {
  let isClosed = false;
  const web = await serve((request, response) => {
    response.on('close', () => {
      isClosed = true;
    });
    if (request.url === '/told') response.writeHead(200, { 'content-length': '52428800' });
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const write = () => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', write);
    };
    write();
  });
  const client = createClient();
  for (const path of ['/told', '/endless']) {
    isClosed = false;
    const error = await failureOf(client.fetch(web.url(path), { maxBytes: 100_000 }));
    assert.deepEqual([error.code, error.retryable], ['body_too_large', false]);
    assert.match(error.message, /^The answer of a\.localhost:\d+ is longer than 100000 bytes/);
    await waitFor('the connection to be ended', () => isClosed);
  }
});
