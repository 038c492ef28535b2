import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { test } from 'node:test';
import { snsCertificate, snsPrivateKey } from '../testing/sns-certificate.ts';
import { createSesAdapter } from './ses.ts';

const topicArn = 'arn:aws:sns:eu-west-1:1:bounces';
const now = new Date('2026-11-25T12:00:00Z');
const key = 'AZ-_4567890123456789ab.Bc-_4567890123456789ab';

const adapter = createSesAdapter({ topicArn, fetchCertificate: async () => snsCertificate });

function notification(message: object, changed: object = {}) {
  const post = {
    Message: JSON.stringify(message),
    MessageId: 'sns-1',
    Timestamp: now.toISOString(),
    TopicArn: topicArn,
    Type: 'Notification',
  };
  const text = Object.entries(post)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}\n${value}\n`)
    .join('');
  const Signature = sign('sha256', Buffer.from(text), snsPrivateKey).toString('base64');
  const SigningCertURL = 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem';
  return { headers: {}, body: Buffer.from(JSON.stringify({ ...post, SignatureVersion: '2', Signature, SigningCertURL, ...changed })) };
}

const mail = { tags: { aquascene_delivery: [key.replace('.', '--dot--')] } };

test('a bounce, a complaint and an arrival are read with the delivery that the tag names', async () => {
  const bounce = {
    bounceType: 'Permanent',
    bounceSubType: 'General',
    timestamp: '2026-11-25T11:59:00Z',
    bouncedRecipients: [{ emailAddress: 'a@example.org', status: '5.1.1', diagnosticCode: 'smtp; 550 5.1.1 unknown' }],
  };
  const reading = await adapter.read(notification({ eventType: 'Bounce', mail, bounce }), now);
  assert.ok(reading.kind === 'events');
  const [event] = reading.events;
  assert.deepEqual([event?.kind, event?.bounceClass, event?.eventId], ['bounced', 'hard', 'ses:sns-1']);
  assert.equal(event?.occurredAt.toISOString(), '2026-11-25T11:59:00.000Z');
  for (const [eventType, kind] of [
    ['Complaint', 'complained'],
    ['Delivery', 'delivered'],
  ] as const) {
    const other = await adapter.read(notification({ eventType, mail }), now);
    assert.equal(other.kind === 'events' && other.events[0]?.kind, kind);
  }
});

test('what was changed after it was signed, and what is a day old, is refused', async () => {
  const changed = await adapter.read(notification({ eventType: 'Delivery', mail }, { Message: '{}' }), now);
  assert.deepEqual(changed, { kind: 'forged', reason: 'the signature is not right' });
  const later = new Date(now.getTime() + 25 * 3600_000);
  assert.deepEqual(await adapter.read(notification({ eventType: 'Delivery', mail }), later), { kind: 'forged', reason: 'it is too old' });
});
