import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prependHeaders } from '../prepend-headers.ts';
import { providerHeaders } from './provider-headers.ts';
import { keyOfSesTag } from './ses.ts';

const messageId = '<AZ-_4567890123456789ab.Bc-_4567890123456789ab@aquascene.example>';
const key = 'AZ-_4567890123456789ab.Bc-_4567890123456789ab';

test('each provider’s events can name the delivery', () => {
  const ses = providerHeaders({ provider: 'ses', configurationSet: 'events' }, messageId);
  assert.equal(ses['X-SES-CONFIGURATION-SET'], 'events');
  const tag = /^aquascene_delivery=([\w-]{1,256})$/.exec(ses['X-SES-MESSAGE-TAGS'] ?? '')?.[1] ?? '';
  assert.equal(keyOfSesTag(tag), key, 'within what a tag may hold, and back');
  assert.deepEqual(JSON.parse(providerHeaders({ provider: 'sendgrid' }, messageId)['X-SMTPAPI'] ?? ''), {
    unique_args: { aquascene_delivery: key },
  });
  assert.deepEqual(providerHeaders({ provider: 'postmark' }, messageId), { 'X-PM-Metadata-delivery': key });
  assert.deepEqual(JSON.parse(providerHeaders({ provider: 'mailgun' }, messageId)['X-Mailgun-Variables'] ?? ''), {
    aquascene_delivery: key,
  });
  assert.deepEqual(providerHeaders({ provider: undefined }, messageId), {});
});

test('what is no Message-ID of ours in form gives no header, whatever it holds', () => {
  for (const odd of ['<a b@c>', '<x\r\nBcc: y@z>', 'plain', '<"q"@x>']) assert.deepEqual(providerHeaders({ provider: 'mailgun' }, odd), {});
});

test('headers come on top, and a message without any is left as it is', () => {
  const raw = Buffer.from('From: a@b\r\n\r\nHi\r\n');
  assert.equal(prependHeaders(raw, {}), raw);
  assert.equal(prependHeaders(raw, { 'X-PM-Metadata-delivery': key }).toString(), `X-PM-Metadata-delivery: ${key}\r\n${raw.toString()}`);
});
