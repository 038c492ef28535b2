import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSubscriberLinks } from './subscriber-links.ts';

const links = createSubscriberLinks('https://site.example', 'a secret of the tests');
const subscriberId = '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0001';
const issueId = '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000';
const tokenOf = (url: string) => new URL(url).pathname.split('/').at(-1) ?? '';

test('a link gives back whom it was made for and fits a path parameter', () => {
  const withIssue = tokenOf(links.unsubscribeUrl(subscriberId, issueId));
  assert.deepEqual(links.readUnsubscribeToken(withIssue), { subscriberId, issueId });
  assert.ok(withIssue.length <= 100, String(withIssue.length));
  assert.deepEqual(links.readUnsubscribeToken(tokenOf(links.unsubscribeUrl(subscriberId, null))), { subscriberId, issueId: null });
  assert.equal(links.readConfirmToken(tokenOf(links.confirmUrl(subscriberId))), subscriberId);
});

test('a link of another purpose, secret or hand is refused', () => {
  const unsubscribe = tokenOf(links.unsubscribeUrl(subscriberId, issueId));
  const confirm = tokenOf(links.confirmUrl(subscriberId));
  assert.equal(links.readConfirmToken(unsubscribe), undefined);
  assert.equal(links.readConfirmToken(tokenOf(links.unsubscribeUrl(subscriberId, null))), undefined);
  assert.equal(links.readUnsubscribeToken(confirm), undefined);
  const stranger = createSubscriberLinks('https://site.example', 'another secret');
  assert.equal(links.readConfirmToken(tokenOf(stranger.confirmUrl(subscriberId))), undefined);
  const otherId = Buffer.from(subscriberId.replaceAll('-', '').replace(/1$/, '2'), 'hex').toString('base64url');
  const forged = `${Buffer.from(otherId).toString('base64url')}.${confirm.split('.')[1]}`;
  for (const token of ['', '.', 'x', forged, `${confirm}x`, confirm.slice(0, -2), `${confirm}.${confirm}`, '..', '%00', 'a'.repeat(5000)]) {
    assert.equal(links.readConfirmToken(token), undefined, token);
    assert.equal(links.readUnsubscribeToken(token), undefined, token);
  }
});
