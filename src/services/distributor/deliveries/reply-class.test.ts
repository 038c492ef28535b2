import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BounceClass, classifyReply } from './reply-class.ts';

const enhanced = (response: string) => /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1] ?? null;
const classify = (response: string) => classifyReply({ code: Number(response.slice(0, 3)), enhancedCode: enhanced(response), response });

const permanent: readonly (readonly [string, BounceClass])[] = [
  ['550 5.1.1 The email account that you tried to reach does not exist', 'hard'],
  ['550 5.1.2 bad destination system', 'hard'],
  ['550 5.1.6 mailbox has moved', 'hard'],
  ['556 5.1.10 null MX', 'hard'],
  ['550 5.2.1 The mailbox is disabled', 'hard'],
  ['550 5.2.0 other mailbox trouble', 'soft'],
  ['552 5.2.3 message exceeds the mailbox limit', 'content'],
  ['552 5.3.4 message too big for system', 'content'],
  ['554 5.4.4 unable to route', 'transient'],
  ['554 5.6.0 cannot convert', 'content'],
  ['550 5.7.1 rejected for policy reasons', 'policy'],
  ['550 5.7.26 unauthenticated mail is not accepted', 'policy'],
  ['553 5.1.8 sender address has no domain', 'policy'],
  ['550 5.1.0 address rejected', 'unknown'],
  ['554 5.0.0 no', 'unknown'],
  ['554 5.5.2 syntax', 'unknown'],
  // Without an enhanced code.
  ['550 No such user here', 'hard'],
  ['550 user unknown', 'hard'],
  ['553 invalid recipient', 'hard'],
  ['552 message too large', 'content'],
  ['554 looks like spam', 'content'],
  ['554 your address is on a blocklist', 'policy'],
  ['550 relay denied', 'policy'],
  ['554 no', 'unknown'],
];

const temporary: readonly (readonly [string, BounceClass])[] = [
  ['452 4.2.2 mailbox full', 'soft'],
  // Emptied some day, whatever class it is given.
  ['552 5.2.2 mailbox full', 'soft'],
  ['552 mailbox full', 'soft'],
  ['450 4.2.1 mailbox busy', 'soft'],
  // Nothing is known for good of an address that is refused for now.
  ['450 4.1.1 cannot be verified now', 'soft'],
  ['451 4.7.1 greylisted', 'transient'],
  ['421 4.7.28 unusual rate of mail', 'transient'],
  ['454 4.7.0 too many connections', 'transient'],
  ['451 4.3.0 out of order', 'transient'],
  ['450 4.4.1 no answer from host', 'transient'],
  ['450 later', 'transient'],
  ['421 busy', 'transient'],
];

test('refusals for good, by the enhanced code and without one by their words', () => {
  for (const [response, bounceClass] of permanent) assert.deepEqual(classify(response), { bounceClass, isTemporary: false }, response);
});

test('refusals for the time being are tried again, and never say that an address does not exist', () => {
  for (const [response, bounceClass] of temporary) assert.deepEqual(classify(response), { bounceClass, isTemporary: true }, response);
});

test('an enhanced code decides against the reply code', () => {
  assert.deepEqual(classify('550 4.7.1 try later'), { bounceClass: 'transient', isTemporary: true });
  assert.deepEqual(classify('450 5.1.1 unknown'), { bounceClass: 'hard', isTemporary: false });
});
