import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCopyLine } from './copy-text.ts';

test('a row of COPY keeps what the format gives a meaning, and tells null from the text that stands for it', () => {
  assert.equal(toCopyLine(['a\tb', 'c\nd', '\\N', null, undefined, '\r\v\f\b', '']), 'a\\tb\tc\\nd\t\\\\N\t\\N\t\\N\t\\r\\v\\f\\b\t\n');
});

test('values of a row are written as PostgreSQL reads them', () => {
  const row = [true, 1.5, 10n, new Date('2026-01-02T03:04:05.678Z'), Buffer.from([0, 255]), ['x"y', null, 'a\\b'], [[1], [2]], { a: '\n' }];
  assert.equal(
    toCopyLine(row),
    ['true', '1.5', '10', '2026-01-02T03:04:05.678Z', '\\\\x00ff', '{"x\\\\"y",NULL,"a\\\\\\\\b"}', '{{"1"},{"2"}}', '{"a":"\\\\n"}']
      .join('\t')
      .concat('\n'),
  );
});
