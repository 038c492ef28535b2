import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { Storage } from '../storage-types.ts';
import { large, readAll, sha256Of, streamOf, text } from './contract-samples.ts';

export function testContent(storage: () => Storage): void {
  test('comes back as it was, with its properties', async () => {
    const content = Buffer.from('Die Alge wächst.');
    const options = { ...text, cacheControl: 'public, max-age=60', metadata: { title: 'Die Alge – wächst 100 %', empty: '' } };
    const before = Date.now();
    const put = await storage().put('content/page.txt', content, options);
    const expected = {
      ...{ key: 'content/page.txt', sizeBytes: content.length, contentType: options.contentType },
      ...{ cacheControl: options.cacheControl, metadata: options.metadata, sha256: sha256Of(content), etag: put.etag },
    };
    assert.deepEqual(put, expected);
    assert.match(put.etag, /^"[^"]+"$/);
    const head = await storage().head('content/page.txt');
    assert.equal(head.kind, 'found');
    const { kind: _, modifiedAt, ...found } = head;
    assert.deepEqual(found, expected);
    // To the second, which some round up.
    assert.ok(modifiedAt.getTime() >= before - 1000 && modifiedAt.getTime() <= Date.now() + 1000, String(modifiedAt));
    const get = await storage().get('content/page.txt');
    assert.equal(get.kind, 'found');
    assert.deepEqual([get.etag, get.sizeBytes, get.contentType, get.range], [put.etag, content.length, options.contentType, undefined]);
    assert.deepEqual(await readAll(get), content);
  });

  test('may be empty', async () => {
    for (const body of [Buffer.alloc(0), streamOf(Buffer.alloc(0))]) {
      const { sizeBytes, sha256 } = await storage().put('content/empty', body, text);
      assert.deepEqual([sizeBytes, sha256], [0, sha256Of(Buffer.alloc(0))]);
      assert.deepEqual(await readAll(await storage().get('content/empty')), Buffer.alloc(0));
      const range = { start: 0 };
      assert.deepEqual(await storage().get('content/empty', { range }), { kind: 'unsatisfiable', sizeBytes: 0 });
    }
  });

  test('may be large, and come and go as a stream', async () => {
    const { sizeBytes, sha256 } = await storage().put('content/large', streamOf(large), { contentType: 'video/mp4' });
    assert.deepEqual([sizeBytes, sha256], [large.length, sha256Of(large)]);
    const head = await storage().head('content/large');
    assert.equal(head.kind, 'found');
    assert.deepEqual([head.sizeBytes, head.contentType], [large.length, 'video/mp4']);
    assert.equal(sha256Of(await readAll(await storage().get('content/large'))), sha256);
    const across = { start: (8 << 20) - 10, end: (8 << 20) + 9 };
    assert.deepEqual(await readAll(await storage().get('content/large', { range: across })), large.subarray(across.start, across.end + 1));
  });

  test('is kept with its checksum also when large, where that is known before', async () => {
    const sha256 = sha256Of(large);
    await storage().put('content/known', streamOf(large), { ...text, sha256 });
    const head = await storage().head('content/known');
    assert.equal(head.kind === 'found' && head.sha256, sha256);
    await storage().put('content/bytes', large, text);
    const bytes = await storage().head('content/bytes');
    assert.equal(bytes.kind === 'found' && bytes.sha256, sha256);
  });

  test('is read in parts', async () => {
    const content = Buffer.from('0123456789');
    await storage().put('content/digits', content, text);
    for (const [range, expected, bounds] of [
      [{ start: 2, end: 4 }, '234', { start: 2, end: 4 }],
      [{ start: 7 }, '789', { start: 7, end: 9 }],
      [{ start: 8, end: 100 }, '89', { start: 8, end: 9 }],
      [{ suffixLength: 3 }, '789', { start: 7, end: 9 }],
      [{ suffixLength: 50 }, '0123456789', { start: 0, end: 9 }],
    ] as const) {
      const part = await storage().get('content/digits', { range });
      assert.equal(part.kind, 'found');
      assert.deepEqual([part.range, part.sizeBytes], [bounds, 10], JSON.stringify(range));
      assert.equal((await readAll(part)).toString(), expected);
    }
    const beyond = await storage().get('content/digits', { range: { start: 10 } });
    assert.deepEqual(beyond, { kind: 'unsatisfiable', sizeBytes: 10 });
  });

  test('is replaced as a whole', async () => {
    await storage().put('content/replaced', Buffer.from('old and long'), { ...text, cacheControl: 'no-cache', metadata: { of: 'old' } });
    const { etag } = await storage().put('content/replaced', Buffer.from('new'), { contentType: 'image/png' });
    const found = await storage().get('content/replaced');
    assert.equal(found.kind, 'found');
    assert.deepEqual(
      [found.etag, found.sizeBytes, found.contentType, found.cacheControl, found.metadata],
      [etag, 3, 'image/png', undefined, {}],
    );
    assert.equal((await readAll(found)).toString(), 'new');
  });

  test('is whole for every reader while writers replace it', async () => {
    const write = (n: number) => {
      const content = Buffer.alloc(200_000 + n, n);
      return storage().put('content/contended', streamOf(content, 20_000), { ...text, metadata: { sum: sha256Of(content) } });
    };
    await write(0);
    let isWriting = true;
    const writing = Promise.all([1, 2, 3, 4].map(async (n) => [await write(n), await write(n + 4)])).finally(() => (isWriting = false));
    do {
      const found = await storage().get('content/contended');
      assert.equal(found.kind, 'found');
      assert.equal(sha256Of(await readAll(found)), found.metadata.sum);
      assert.equal(found.sha256, found.metadata.sum);
    } while (isWriting);
    await writing;
  });

  test('is read to its end by whoever opened it before it was removed', async () => {
    const content = randomBytes(3 << 20);
    await storage().put('content/removed', content, text);
    const found = await storage().get('content/removed');
    await storage().remove('content/removed');
    assert.equal(sha256Of(await readAll(found)), sha256Of(content));
  });

  test('need not be read to its end', async () => {
    const found = await storage().get('content/large');
    assert.equal(found.kind, 'found');
    found.body.destroy();
    await storage().check();
  });
}
