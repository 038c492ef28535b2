import assert from 'node:assert/strict';
import { test } from 'node:test';
import iconv from 'iconv-lite';
import { decodeText } from './charset.ts';

const text = 'Zoé — Водни растения';
const latin = 'Zoé Lefèvre, ½ hour';
const html = (charset: string, body: string) => `<html><head><meta charset="${charset}"></head><body>${body}</body></html>`;

test('a byte order mark tells before anything else', () => {
  assert.equal(decodeText(Buffer.from(`\ufeff${text}`), 'text/html; charset=windows-1251'), text);
  assert.equal(decodeText(iconv.encode(text, 'utf-16le', { addBOM: true }), undefined), text);
  assert.equal(decodeText(iconv.encode(text, 'utf-16be', { addBOM: true }), undefined), text);
});

test('then the header, then the page itself', () => {
  assert.equal(
    decodeText(iconv.encode(html('utf-8', text.slice(6)), 'windows-1251'), 'text/html; charset="Windows-1251"'),
    html('utf-8', text.slice(6)),
  );
  assert.equal(decodeText(iconv.encode(html('koi8-r', text.slice(6)), 'koi8-r'), 'text/html'), html('koi8-r', text.slice(6)));
  const old = `<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1"><p>${latin}`;
  assert.equal(decodeText(iconv.encode(old, 'latin1'), undefined), old);
  const xml = `<?xml version="1.0" encoding="ISO-8859-2"?><p>żółw</p>`;
  assert.equal(decodeText(iconv.encode(xml, 'iso-8859-2'), undefined), xml);
});

test('without a declaration it is UTF-8, or windows-1252 where the bytes are not', () => {
  assert.equal(decodeText(Buffer.from(text), undefined), text);
  assert.equal(decodeText(iconv.encode(latin, 'windows-1252'), undefined), latin);
});

test('a wrong declaration is passed over', () => {
  assert.equal(decodeText(iconv.encode(latin, 'windows-1252'), 'text/html; charset=utf-8'), latin);
  assert.equal(decodeText(Buffer.from(text), 'text/html; charset=iso-8859-1'), text);
  assert.equal(decodeText(Buffer.from(html('utf-16', text)), undefined), html('utf-16', text));
});

test('unknown and dangerous names of charsets fail nothing', () => {
  for (const name of ['x-klingon', 'base64', 'hex', 'utf-7', '', '"', '../../etc', 'constructor', '__proto__', 'x'.repeat(5000)]) {
    assert.equal(decodeText(Buffer.from(text), `text/html; charset=${name}`), text, name.slice(0, 20));
  }
});

test('a few damaged characters do not turn a whole page into another charset', () => {
  const damaged = Buffer.concat([Buffer.from(`${text} ${text} ${text}`), Buffer.from([0xff]), Buffer.from(' end')]);
  assert.match(decodeText(damaged, 'text/html; charset=utf-8'), /^Zoé — Водни растения .*\ufffd end$/);
});

test('nothing is nothing', () => {
  assert.equal(decodeText(Buffer.alloc(0), undefined), '');
});
