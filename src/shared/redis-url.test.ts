import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseRedisUrl, requireRedisAddress } from './redis-url.ts';

describe('addresses of Redis', () => {
  test('a single server, with and without port, database and credentials', () => {
    assert.deepEqual(parseRedisUrl('redis://cache.example'), {
      ...{ kind: 'single', nodes: [{ host: 'cache.example', port: 6379 }], primaryName: undefined, db: 0, isTls: false },
      ...{ username: undefined, password: undefined },
    });
    const full = parseRedisUrl('rediss://app:p%40ss:word@[::1]:7000/3');
    assert.deepEqual(full?.nodes, [{ host: '::1', port: 7000 }]);
    assert.deepEqual([full?.username, full?.password, full?.db, full?.isTls], ['app', 'p@ss:word', 3, true]);
    assert.equal(parseRedisUrl('redis://:secret@h')?.password, 'secret');
  });

  test('sentinels and clusters have several hosts', () => {
    const sentinel = parseRedisUrl('redis+sentinel://:secret@a:1,b/main/2');
    assert.deepEqual([sentinel?.kind, sentinel?.primaryName, sentinel?.db, sentinel?.password], ['sentinel', 'main', 2, 'secret']);
    assert.deepEqual(sentinel?.nodes, [
      { host: 'a', port: 1 },
      { host: 'b', port: 26_379 },
    ]);
    assert.deepEqual(parseRedisUrl('rediss+cluster://a:1,b:2')?.kind, 'cluster');
  });

  for (const url of [
    'http://h',
    'redis://',
    'redis://a,b',
    'redis://a:99999',
    'redis://a/x',
    'redis://a/1/2',
    'redis+cluster://a/1',
    'redis+sentinel://a:1',
    'redis+other://a',
    'redis://a b',
  ]) {
    test(`${url} is refused`, () => {
      assert.equal(parseRedisUrl(url), undefined);
    });
  }

  test('a refusal does not show the address: it may hold a password', () => {
    assert.throws(
      () => requireRedisAddress('redis://:hunter2@a,b'),
      (error: Error) => !error.message.includes('hunter2') && error.message.includes('redis+sentinel://'),
    );
  });
});
