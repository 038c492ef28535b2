import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endOfLastRecord, formatLsn, parseLsn } from './wal-position.ts';

test('positions are read and written as the server writes them', () => {
  assert.equal(parseLsn('16/B374D848'), 0x16b374d848n);
  assert.equal(parseLsn('0/0'), 0n);
  assert.equal(parseLsn('FFFFFFFF/FFFFFFFF'), (1n << 64n) - 1n);
  for (const text of ['16/B374D848', '0/15', 'A0/0']) assert.equal(formatLsn(parseLsn(text)), text);
});

test('behind the header of an empty page stands what filled the page before', () => {
  assert.equal(endOfLastRecord(parseLsn('0/4000018')), parseLsn('0/4000000'));
  assert.equal(endOfLastRecord(parseLsn('0/4000020')), parseLsn('0/4000020'));
  assert.equal(endOfLastRecord(parseLsn('0/4001FF8')), parseLsn('0/4001FF8'));
});
