import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simpleParser } from 'mailparser';
import { systemClock } from '#shared/clock';
import type { Issue, Recipient } from '../distributor-types.ts';
import { createTrackingTokens } from '../tracking-token.ts';
import { createMessageFactory } from './message-factory.ts';
import { createEnvelopeSender } from './verp.ts';

const secret = 'a secret of the tests';
const base = 'http://news.localhost:8000';
const issueId = '01890a5d-ac96-774b-bcce-b302099a8057';
const envelopeSender = createEnvelopeSender('news@news.localhost', 'bounces@news.localhost', secret);
const factory = createMessageFactory({
  site: { baseUrl: base, title: 'Newsroom', tagline: '', language: 'en' },
  secret,
  mailFrom: 'Newsroom <news@news.localhost>',
  envelopeSender,
  subscribers: {
    unsubscribeUrl: (subscriber, issue) => `${base}/unsubscribe/${subscriber}.${issue}`,
    preferencesUrl: (subscriber) => `${base}/preferences/${subscriber}`,
  },
  clock: systemClock,
});

const recipient: Recipient = {
  ...{ id: '01890a5d-ac96-7d21-9d3f-0f0e0d0c0b0a', email: 'ana@example.org', name: 'Ana', language: 'en', country: null, timezone: null },
  ...{ tags: [], topics: [], customFields: {}, format: 'html', segments: [], obstacle: null },
};
const content = {
  variants: ['first', 'second'].map((subject) => ({
    subject,
    html: '<p>Dear {{ name }}, <a href="{{ links[0] }}">read</a>, <a href="{{ unsubscribe_url }}">leave</a></p><img src="{{ open_url }}">',
    text: 'Dear {{ name }}, read {{ links[0] }} or leave {{ unsubscribe_url }}',
  })),
  links: [{ url: 'http://elsewhere.example/article', contentId: null }],
};

async function write(tracking: Issue['tracking'], to: Partial<Recipient> = {}, variant = 0) {
  const issue = { id: issueId, tracking, variables: {}, blocks: [] } as unknown as Issue;
  const mail = factory.forIssue(issue, content)({ ...recipient, ...to }, variant);
  const parsed = await simpleParser(mail.raw);
  const html = typeof parsed.html === 'string' ? parsed.html : undefined;
  return { mail, parsed, html, link: /href="([^"]+)">read/.exec(html ?? '')?.[1] ?? '' };
}

const tokenIn = (url: string) => url.slice(url.lastIndexOf('/') + 1);

test('a mail names its delivery in its return path, its Message-ID and its links', async () => {
  const { mail, parsed, link } = await write('individual', {}, 1);
  assert.equal(parsed.subject, 'second');
  assert.deepEqual(envelopeSender.read(mail.envelope.from), { issueId, subscriberId: recipient.id });
  assert.equal(parsed.messageId, mail.messageId);
  assert.deepEqual(createTrackingTokens(secret).readClick(tokenIn(link)), { issueId, subscriberId: recipient.id, variant: 1, link: 0 });
  const list = parsed.headerLines.find(({ key }) => key === 'list-unsubscribe')?.line;
  assert.equal(list?.replace(/\s+/g, ' '), `List-Unsubscribe: <${base}/unsubscribe/${recipient.id}.${issueId}>`);
});

test('with anonymous tracking the links say nothing of the reader', async () => {
  const [one, two] = [await write('anonymous'), await write('anonymous', { id: '01890a5d-ac96-7d21-9d3f-000000000000' })];
  assert.equal(one.link, two.link);
  assert.equal(createTrackingTokens(secret).readClick(tokenIn(one.link))?.subscriberId, null);
});

test('without tracking links lead straight to where they lead, and nothing tells of an opening', async () => {
  const { html, link } = await write('off');
  assert.equal(link, 'http://elsewhere.example/article');
  assert.doesNotMatch(html ?? '', /\/t\/[oc]\//);
});

test('who wants plain text gets nothing else', async () => {
  const { parsed, html } = await write('individual', { format: 'text' });
  assert.equal(html, undefined);
  assert.match(parsed.headerLines.find(({ key }) => key === 'content-type')?.line ?? '', /text\/plain/);
  assert.match(parsed.text ?? '', /^Dear Ana, read http/);
});

test('an address or a name with a line break in it makes no mail with headers of its own', async () => {
  await assert.rejects(write('individual', { email: 'ana@example.org\r\nBcc: all@example.org' }));
  const { parsed } = await write('individual', { name: 'Ana\r\nBcc: all@example.org' });
  assert.equal(parsed.bcc, undefined);
});
