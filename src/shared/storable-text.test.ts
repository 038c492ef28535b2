import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from './errors.ts';
import { checkStorableText, findTextFaults } from './storable-text.ts';

const pathsOf = (value: unknown, root?: string) => findTextFaults(value, root).map(({ path }) => path);

test('what the database keeps is no fault', () => {
  assert.deepEqual(findTextFaults({ a: ['x', { b: 'Водни é健😀 <b>\u0001' }], c: 1, d: null }), []);
  assert.doesNotThrow(() => checkStorableText(undefined));
});

test('every text with a NUL character or half of a surrogate pair is named, in the order of the fields', () => {
  const rules = { all: [{ value: ['ok', 'x\ud800'] }] };
  assert.deepEqual(pathsOf({ rules, name: '\u0000', last: ['a\u0000'] }), ['/rules/all/0/value/1', '/name', '/last/0']);
  assert.deepEqual(pathsOf('\u0000'), ['/']);
  assert.deepEqual(pathsOf({ q: '\u0000' }, '/querystring'), ['/querystring/q']);
  assert.deepEqual(findTextFaults({ 'k\u0000': 1 }), [{ path: '/', message: 'the name of a field must not contain the NUL character' }]);
  assert.throws(
    () => checkStorableText({ reason: '\u0000' }),
    (error) => error instanceof AppError && error.code === 'invalid_request' && error.fields[0]?.path === '/reason',
  );
});

test('neither depth nor length of what was sent breaks it, and only the first faults are listed', () => {
  assert.equal(pathsOf(JSON.parse(`${'['.repeat(100_000)}"\\u0000"${']'.repeat(100_000)}`)).length, 1);
  assert.equal(pathsOf(Array.from({ length: 300_000 }, () => '\u0000')).length, 20);
});
