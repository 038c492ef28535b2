import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelOf } from './event-label.ts';

const browser = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';
const label = (type: 'open' | 'click', userAgent: string | undefined, address = '203.0.113.7', isHoneypot = false) =>
  labelOf({ type, userAgent, address, isHoneypot });

test('mail programs and browsers are readers, unless they come too early', () => {
  for (const userAgent of [
    browser,
    'Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)',
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0',
    'Mozilla/4.0 (compatible; ms-office; MSOffice 16)',
    'Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)',
  ]) {
    for (const type of ['open', 'click'] as const) {
      assert.deepEqual(label(type, userAgent), { label: 'human', early: { label: 'scanner', withinMs: 1000 } }, `${type} ${userAgent}`);
    }
  }
});

test("Apple's Mail Privacy Protection and Gmail's prefetch are prefetches of opens, and no clicks", () => {
  const gmail =
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0';
  for (const userAgent of ['Mozilla/5.0', gmail]) assert.equal(label('open', userAgent).label, 'prefetch', userAgent);
  assert.equal(label('open', browser, '17.58.98.1').label, 'prefetch');
  assert.equal(label('open', browser, '::ffff:17.58.98.1').label, 'prefetch');
  assert.equal(label('click', browser, '17.58.98.1').label, 'human');
});

test('a proxy that loads the picture when the mail is shown hides a reader, unless it comes at once', () => {
  for (const userAgent of [
    'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)',
    'YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html',
  ]) {
    assert.deepEqual(label('open', userAgent, '66.249.84.1'), { label: 'human', early: { label: 'prefetch', withinMs: 10_000 } });
  }
});

test('security products, their networks, programs and whoever follows the hidden link are scanners', () => {
  for (const userAgent of [
    'BarracudaCentral',
    'Mozilla/5.0 (compatible; Proofpoint URL Defense)',
    'python-requests/2.32',
    'curl/8.5.0',
    'Googlebot/2.1',
  ]) {
    assert.equal(label('click', userAgent).label, 'scanner', userAgent);
    assert.equal(label('open', userAgent).label, 'scanner', userAgent);
  }
  for (const address of ['40.94.31.5', '207.211.31.10', '64.235.150.1', '148.163.130.2', '::ffff:104.47.10.1']) {
    const expected = address === '40.94.31.5' ? 'human' : 'scanner';
    assert.equal(label('click', browser, address).label, expected, address);
  }
  assert.equal(label('click', browser, '203.0.113.7', true).label, 'scanner');
  assert.equal(label('click', browser, '2001:db8::1').label, 'human');
  assert.equal(label('click', browser, 'not an address').label, 'human');
});

test('who does not say who it is, is not known', () => {
  for (const userAgent of [undefined, '', '  ']) assert.equal(label('open', userAgent).label, 'unknown');
});
