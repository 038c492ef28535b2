import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostOf, maxUrlLength, normaliseUrl, originOf } from './page-url.ts';

test('an address has one spelling', () => {
  const same = [
    'https://example.com/Path?a=1',
    ' HTTPS://EXAMPLE.com:443/Path?a=1#section ',
    'https://user:secret@example.com/Path?a=1',
    'https://example.com./Path?a=1',
    'https://example.com/x/../Path?a=1',
    'https://example.com/Path?utm_source=feed&a=1&fbclid=x',
  ];
  for (const address of same) assert.equal(normaliseUrl(address), 'https://example.com/Path?a=1', address);
});

test('what tells pages apart stays', () => {
  assert.equal(normaliseUrl('http://example.com'), 'http://example.com/');
  assert.equal(normaliseUrl('http://example.com/a/?'), 'http://example.com/a/');
  assert.equal(normaliseUrl('http://example.com:8080/a%c3%a4'), 'http://example.com:8080/a%C3%A4');
  assert.equal(normaliseUrl('http://example.com/?q=a+b&q=%20'), 'http://example.com/?q=a+b&q=%20');
  assert.equal(normaliseUrl('http://bücher.example/ä'), 'http://xn--bcher-kva.example/%C3%A4');
});

test('a link is resolved against the document that it stands in', () => {
  assert.equal(normaliseUrl('../b?c', 'https://example.com/x/a'), 'https://example.com/b?c');
  assert.equal(normaliseUrl('//other.example/b', 'https://example.com/'), 'https://other.example/b');
});

test('what is no web address is none', () => {
  for (const text of [
    '',
    '  ',
    'example.com',
    'ftp://example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'http://',
    'data:text/html,x',
    `https://example.com/${'x'.repeat(maxUrlLength)}`,
  ]) {
    assert.equal(normaliseUrl(text), undefined, text.slice(0, 40));
  }
});

test('origin and host', () => {
  assert.equal(originOf('http://example.com:8080/a'), 'http://example.com:8080');
  assert.equal(hostOf('http://example.com:8080/a'), 'example.com:8080');
});
