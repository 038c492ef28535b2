import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Storage } from '../storage-types.ts';
import { hasCode, keysOf, large, readAll, sha256Of, text } from './contract-samples.ts';

const unusualKeys = [
  'keys/with space/ leading and trailing ',
  'keys/größe/日本語/😀.png',
  'keys/100%25 %2F?&=#+;,:@!$\'"()*[]{}|^`~<>\\',
  'keys/Upper',
  'keys/upper',
  'keys/upper/below',
  'keys/upper-beside',
  'keys/e\u0301',
  'keys/\u00e9',
  'keys/con',
  'keys/NUL.txt',
  'keys/dot.',
  'keys/.hidden',
  'keys/...',
  `keys/${'segment'.repeat(40)}/${'x'.repeat(80)}`,
  `keys/${'segment'.repeat(40)}/${'x'.repeat(80)}y`,
  `keys/${'ü'.repeat(480)}`.padEnd(519, 'z'),
];

export function testKeys(storage: () => Storage): void {
  test('may contain whatever a name may, each its own object', async () => {
    await Promise.all(unusualKeys.map((key) => storage().put(key, Buffer.from(key), text)));
    for (const key of unusualKeys) assert.equal((await readAll(await storage().get(key))).toString(), key);
    const sorted = [...unusualKeys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(await keysOf(storage(), { prefix: 'keys/' }), sorted);
    const copies = unusualKeys.map((key) => `copies/${key}`);
    await Promise.all(unusualKeys.map((key) => storage().copy(key, `copies/${key}`)));
    assert.deepEqual(
      await keysOf(storage(), { prefix: 'copies/' }),
      sorted.map((key) => `copies/${key}`),
    );
    await storage().removeMany([...unusualKeys, ...copies]);
    for (const prefix of ['keys/', 'copies/']) assert.deepEqual(await keysOf(storage(), { prefix }), []);
  });

  test('of 1024 bytes are taken, and no longer ones', async () => {
    const longest = `keys/long/${'ä'.repeat(507)}`;
    assert.equal(Buffer.byteLength(longest), 1024);
    await storage().put(longest, Buffer.from('x'), text);
    assert.deepEqual(await keysOf(storage(), { prefix: 'keys/long/' }), [longest]);
    await assert.rejects(storage().put(`${longest}a`, Buffer.from('x'), text), hasCode('invalid_object_key'));
  });

  test('that lead elsewhere or cannot be written down are refused everywhere', async () => {
    const refused = [
      '',
      '/',
      'a/',
      '/a',
      'a//b',
      '..',
      '../a',
      'a/../b',
      '.',
      'a/./b',
      'a\u0000b',
      'a\nb',
      'a\u007fb',
      'a\u0085',
      '\ud800',
      'a\uffff',
    ];
    for (const key of refused) {
      for (const call of [
        () => storage().put(key, Buffer.from('x'), text),
        () => storage().get(key),
        () => storage().head(key),
        () => storage().exists(key),
        () => storage().remove(key),
        () => storage().removeMany(['a', key]),
        () => storage().copy(key, 'a'),
        () => storage().copy('a', key),
        () => storage().signedUrl(key, { method: 'GET', expiresInS: 60 }),
      ]) {
        await assert.rejects(call, hasCode('invalid_object_key'), JSON.stringify(key));
      }
    }
    await assert.rejects(storage().list({ prefix: 'a\u0000' }), hasCode('invalid_object_key'));
    await assert.rejects(storage().list({ after: '\udc00' }), hasCode('invalid_object_key'));
  });
}

export function testLists(storage: () => Storage): void {
  // In order: a slash comes after a dash and a dot, U+FFFD before what lies beyond U+FFFF.
  const keys = ['a', 'a-b', 'a.b', 'a/b', 'a/b/c', 'a/b0', 'a/c', 'a0', 'b/1', 'b/2', '\ufffd', '😀'].map((key) => `list/${key}`);
  const put = () => Promise.all(keys.map((key) => storage().put(key, Buffer.from(key), text)));

  test('are in the order of the keys, page by page', async () => {
    await put();
    assert.deepEqual(await keysOf(storage(), { prefix: 'list/' }), keys);
    for (const limit of [1, 2, 5, keys.length - 1, keys.length]) {
      const found: string[] = [];
      let after: string | undefined;
      do {
        const page: Awaited<ReturnType<Storage['list']>> = await storage().list({
          prefix: 'list/',
          limit,
          ...(after !== undefined && { after }),
        });
        assert.ok(page.items.length <= limit);
        found.push(...page.items.map(({ key }) => key));
        after = page.next;
      } while (after !== undefined);
      assert.deepEqual(found, keys, `limit ${limit}`);
    }
  });

  test('say of each object what its head says', async () => {
    const { items } = await storage().list({ prefix: 'list/', limit: 1 });
    const head = await storage().head('list/a');
    assert.equal(head.kind, 'found');
    const [item] = items;
    assert.ok(item !== undefined && items.length === 1);
    assert.deepEqual([item.key, item.sizeBytes, item.etag], [head.key, head.sizeBytes, head.etag]);
    // Some round down here and up there.
    assert.ok(Math.abs(item.modifiedAt.getTime() - head.modifiedAt.getTime()) <= 1000);
  });

  test('begin at any prefix, and after any key, stored or not', async () => {
    const prefixed = (prefix: string) => keysOf(storage(), { prefix });
    assert.deepEqual(await prefixed('list/a/'), ['list/a/b', 'list/a/b/c', 'list/a/b0', 'list/a/c']);
    assert.deepEqual(await prefixed('list/a/b'), ['list/a/b', 'list/a/b/c', 'list/a/b0']);
    assert.deepEqual(await prefixed('list/b'), ['list/b/1', 'list/b/2']);
    assert.deepEqual(await prefixed('list/nothing'), []);
    const after = (key: string) => keysOf(storage(), { prefix: 'list/', after: key });
    assert.deepEqual(await after('list/a/b'), keys.slice(4));
    assert.deepEqual(await after('list/a/b/'), keys.slice(4));
    assert.deepEqual(await after('list/a/b/c'), keys.slice(5));
    assert.deepEqual(await after('list/a/zzz'), keys.slice(7));
    assert.deepEqual(await after('list/b/1'), keys.slice(9));
    assert.deepEqual(await after('list/😀'), []);
    assert.deepEqual(await after('zzz'), []);
  });
}

export function testRemovingAndCopying(storage: () => Storage): void {
  test('nothing is found of what was never stored', async () => {
    const missing = { kind: 'missing' };
    assert.deepEqual(await storage().get('none/at/all'), missing);
    assert.deepEqual(await storage().get('none/at/all', { range: { start: 1 } }), missing);
    assert.deepEqual(await storage().head('none/at/all'), missing);
    assert.deepEqual(await storage().copy('none/at/all', 'none/other'), missing);
    assert.equal(await storage().exists('none/at/all'), false);
    await storage().remove('none/at/all');
  });

  test('what is removed is gone, and what lies beside it is not', async () => {
    for (const key of ['gone/a', 'gone/a/b', 'gone/a/b/c', 'gone/b']) await storage().put(key, Buffer.from(key), text);
    await storage().remove('gone/a/b');
    assert.equal(await storage().exists('gone/a/b'), false);
    assert.deepEqual(await keysOf(storage(), { prefix: 'gone/' }), ['gone/a', 'gone/a/b/c', 'gone/b']);
    await storage().removeMany([]);
    await storage().removeMany(['gone/a/b/c', 'gone/never', 'gone/b']);
    assert.deepEqual(await keysOf(storage(), { prefix: 'gone/' }), ['gone/a']);
  });

  test('a copy has the content and the properties, and a life of its own', async () => {
    const options = { contentType: 'image/png', cacheControl: 'no-store', metadata: { title: 'é' } };
    for (const content of [Buffer.from('small'), large]) {
      await storage().put('copy/ä from', content, options);
      await storage().put('copy/to', Buffer.from('something else'), text);
      const copied = await storage().copy('copy/ä from', 'copy/to');
      assert.equal(copied.kind, 'copied');
      assert.deepEqual([copied.key, copied.sizeBytes, copied.sha256], ['copy/to', content.length, sha256Of(content)]);
      await storage().remove('copy/ä from');
      const found = await storage().get('copy/to');
      assert.equal(found.kind, 'found');
      const { contentType, cacheControl, metadata, etag } = found;
      assert.deepEqual({ contentType, cacheControl, metadata }, options);
      assert.equal(etag, copied.etag);
      assert.equal(sha256Of(await readAll(found)), sha256Of(content));
    }
    const same = await storage().copy('copy/to', 'copy/to');
    assert.equal(same.kind, 'copied');
  });
}
