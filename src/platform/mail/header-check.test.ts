import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findHeaderFault } from './header-check.ts';
import type { OutgoingMail } from './mail-transport.ts';
import { mailTo } from './testing/smtp.ts';

test('an ordinary message has no fault, in any script', () => {
  assert.equal(findHeaderFault(mailTo('a@example.org', { subject: 'Водни\tрастения – ½', headers: { 'X-Note': 'ä' } })), undefined);
});

test('a control character in any header is named with its header', () => {
  for (const bad of ['\r', '\n', '\r\nBcc: x@example.org', '\u0000', '\u001b', '\u007f']) {
    const messages: Record<string, Partial<OutgoingMail>> = {
      subject: { subject: `x${bad}` },
      to: { to: { address: `a@example.org${bad}` } },
      from: { from: { address: 'a@example.org', name: `x${bad}` } },
      'message-id': { messageId: `<x${bad}@example.org>` },
      'X-Test': { headers: { 'X-Test': bad } },
    };
    for (const [name, message] of Object.entries(messages)) {
      assert.equal(findHeaderFault(mailTo('a@example.org', message)), `the header "${name}" holds a control character`);
    }
    assert.match(findHeaderFault(mailTo('a@example.org', { headers: { [`X${bad}`]: 'x' } })) ?? '', /control character/);
  }
});
