import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readClickToken, readOpenToken, signClickToken, signOpenToken } from './tracking-token.ts';

const secret = 'a secret of the tests';
const ids = { issueId: '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000', subscriberId: '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0001' };

test('a token gives back what it was signed for and fits a path parameter', () => {
  assert.deepEqual(readOpenToken(secret, signOpenToken(secret, ids)), ids);
  const click = signClickToken(secret, { ...ids, link: 999 });
  assert.deepEqual(readClickToken(secret, click), { ...ids, link: 999 });
  assert.ok(click.length < 100, String(click.length));
});

test('a token of another purpose, secret or hand is refused', () => {
  const open = signOpenToken(secret, ids);
  const click = signClickToken(secret, { ...ids, link: 1 });
  assert.equal(readClickToken(secret, open), undefined);
  assert.equal(readOpenToken(secret, click), undefined);
  assert.equal(readClickToken('another', click), undefined);
  for (const forged of ['', '.', 'x.y', `${click}x`, click.replace(/^./, 'z')])
    assert.equal(readClickToken(secret, forged), undefined, forged);
});
