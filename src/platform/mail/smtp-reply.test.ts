import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHardBounce } from './index.ts';
import { classifyRefusal, enhancedCodeOf } from './smtp-reply.ts';

test('the enhanced code is read where a reply has one', () => {
  const cases: [string, string | null][] = [
    ['550 5.1.1 No such user', '5.1.1'],
    ['550-5.7.26 This mail is unauthenticated\n550 5.7.26 See the policy', '5.7.26'],
    ['550-Sorry\n550 5.1.10 Recipient not found', '5.1.10'],
    ['550 No such user', null],
    ['550 version 5.1.1 of the server', null],
    ['451 4.3.0', '4.3.0'],
    ['', null],
  ];
  for (const [response, expected] of cases) assert.equal(enhancedCodeOf(response), expected, response);
});

test('the enhanced code decides whether a refusal passes; without one, the reply code', () => {
  const isTemporary = (code: number, response: string) => classifyRefusal(code, response).temporary;
  assert.equal(isTemporary(421, '421 shutting down'), true);
  assert.equal(isTemporary(550, '550 no'), false);
  assert.equal(isTemporary(550, '550 4.7.1 greylisted'), true);
  assert.equal(isTemporary(451, '451 5.7.1 never'), false);
  assert.equal(isTemporary(552, '552 5.2.2 mailbox full'), true);
  assert.equal(isTemporary(552, '552 5.2.3 message too long'), false);
});

test('only what is said of the address itself is a hard bounce', () => {
  const isHard = (code: number, response: string) => isHardBounce(classifyRefusal(code, response));
  for (const code of ['5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10']) assert.ok(isHard(550, `550 ${code} no`), code);
  for (const code of ['5.1.0', '5.1.7', '5.2.1', '5.2.2', '5.7.1', '4.1.1', '5.1.11']) assert.ok(!isHard(550, `550 ${code} no`), code);
  assert.ok(!isHard(550, '550 no such user'));
  assert.ok(!isHardBounce({ kind: 'accepted', response: '250 5.1.1' }));
  assert.ok(!isHardBounce({ kind: 'unknown', response: '' }));
});
