import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSubscriberLinks } from './subscriber-links.ts';

const links = createSubscriberLinks('https://site.example', 'a secret of the tests');
const subscriberId = '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0001';
const issueId = '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000';
const now = new Date('2026-05-01T12:00:00Z');
const inAWeek = new Date('2026-05-08T12:00:00Z');
const tokenOf = (url: string) => new URL(url).pathname.split('/').at(-1) ?? '';

test('a link gives back whom it was made for and fits a path parameter', () => {
  const withIssue = tokenOf(links.unsubscribeUrl(subscriberId, issueId));
  assert.deepEqual(links.readUnsubscribeToken(withIssue), { subscriberId, issueId });
  assert.ok(withIssue.length <= 100, String(withIssue.length));
  assert.deepEqual(links.readUnsubscribeToken(tokenOf(links.unsubscribeUrl(subscriberId, null))), { subscriberId, issueId: null });
  assert.deepEqual(links.readConfirmToken(tokenOf(links.confirmUrl(subscriberId, now))), { subscriberId, expiresAt: inAWeek });
  assert.equal(links.readPreferencesToken(tokenOf(links.preferencesUrl(subscriberId))), subscriberId);
  for (const action of ['export', 'erase', 'download'] as const) {
    const token = tokenOf(links.dataUrl(action, subscriberId, now));
    assert.deepEqual(links.readDataToken(action, token), { subscriberId, expiresAt: new Date('2026-05-02T12:00:00Z') });
    for (const other of ['export', 'erase', 'download'] as const) {
      if (other !== action) assert.equal(links.readDataToken(other, token), undefined, `${action} is no ${other}`);
    }
  }
});

test('a link of another purpose, secret or hand is refused', () => {
  const unsubscribe = tokenOf(links.unsubscribeUrl(subscriberId, issueId));
  const confirm = tokenOf(links.confirmUrl(subscriberId, now));
  assert.equal(links.readConfirmToken(unsubscribe), undefined);
  assert.equal(links.readConfirmToken(tokenOf(links.unsubscribeUrl(subscriberId, null))), undefined);
  assert.equal(links.readUnsubscribeToken(confirm), undefined);
  const stranger = createSubscriberLinks('https://site.example', 'another secret');
  assert.equal(links.readConfirmToken(tokenOf(stranger.confirmUrl(subscriberId, now))), undefined);
  const otherId = Buffer.from(subscriberId.replaceAll('-', '').replace(/1$/, '2'), 'hex').toString('base64url');
  const forged = `${Buffer.from(otherId).toString('base64url')}.${confirm.split('.')[1]}`;
  for (const token of ['', '.', 'x', forged, `${confirm}x`, confirm.slice(0, -2), `${confirm}.${confirm}`, '..', '%00', 'a'.repeat(5000)]) {
    assert.equal(links.readConfirmToken(token), undefined, token);
    assert.equal(links.readUnsubscribeToken(token), undefined, token);
    assert.equal(links.readPreferencesToken(token), undefined, token);
    assert.equal(links.readDataToken('erase', token), undefined, token);
  }
});
