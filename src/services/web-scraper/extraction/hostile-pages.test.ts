import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { extractPage } from './extract-page.ts';
import { repairMarkup } from './markup-repair.ts';

const sentence = 'A planted aquarium needs light, clean water, a little patience and a steady hand with the scissors. ';
const prose = `<p>${sentence.repeat(4)}</p>`;
const extract = (html: string, url = 'https://example.com/a') => extractPage({ html, url, now: new Date('2026-11-24') });

describe('broken markup', () => {
  test('fragments, frames, no body, an unclosed head, nothing at all', () => {
    assert.match(extract(prose).text, /^A planted aquarium/);
    assert.match(extract(`<title>T</title>${prose}`).text, /^A planted aquarium/);
    assert.match(extract(`<html><head><title>T</title><div>${prose}</div>`).text, /^A planted aquarium/);
    assert.match(extract(`<html><body>${prose}</body></html><p>${sentence}`).text, /^A planted aquarium/);
    for (const html of [
      '',
      ' ',
      '<',
      '<html>',
      '</html>',
      '<frameset><frame src=a></frameset>',
      '<html><head><title>T</title></head></html>',
      '<!--',
      '<script>',
      '\u0000',
    ]) {
      assert.equal(extract(html).text, '', html);
    }
  });

  test('a heading that is closed as another ends there, as in browsers', () => {
    const page = extract(`<h1>Moss on wood</h2>${prose}`);
    assert.equal(page.title, 'Moss on wood');
    assert.match(page.text, /^A planted aquarium/);
    assert.equal(repairMarkup('<h1>a</h3><p>b<h2>c<h3>d'), '<h1>a</h1><p>b<h2>c</h2><h3>d');
  });

  test('attributes without an end, stray brackets and quotes take no text with them', () => {
    const page = extract(`<p>1 < 2 and 3 > 2, "quoted" text</p><a href="x>link</a>${prose}<p title='a > b'>The end of it is near.</p>`);
    assert.match(page.text, /A planted aquarium needs light/);
    assert.match(page.text, /The end of it is near\.$/);
  });

  test('no NUL characters and no halves of characters come out', () => {
    const page = extract(
      `<title>a\u0000b \ud83d</title><meta name="author" content="\ud83dA\u0000nn"><p>${sentence.repeat(3)} \udc00 x\u0000y</p>`,
    );
    const all = JSON.stringify(page);
    assert.doesNotMatch(all, /\\u0000|\\ud[89a-f]/i);
    assert.match(page.text, /xy$/);
  });
});

describe('pages that are made to be expensive', () => {
  const text = 'word '.repeat(60);
  for (const [name, html] of Object.entries({
    'endless nesting': `${'<div>'.repeat(100_000)}${text}`,
    'tables in tables': `${'<table><tr><td>'.repeat(5000)}${text}`,
    'formatting that is never closed': `${'<b><i><p>some text'.repeat(20_000)}`,
    '2 MB of empty blocks': `${'<div>x</div>'.repeat(180_000)}${text}`,
    'attributes without end': `<div ${'a=b '.repeat(400_000)}>${text}</div>`,
    'character references': `<p>${'&amp; '.repeat(300_000)}${text}`,
    brackets: `<p>${'<'.repeat(1_000_000)} ${text}`,
    'quotes of quotes': `${'<blockquote>'.repeat(300)}${text.repeat(50)}`,
    'white space': `<p>${' '.repeat(2_000_000)}${text}`,
    'a title of separators': `<title>${' - a'.repeat(100_000)}</title><p>${text}`,
    'deep JSON-LD': `<script type="application/ld+json">${'['.repeat(200_000)}</script><p>${text}`,
  })) {
    test(name, () => {
      const page = extract(`<html><body>${html}</body></html>`, 'https://example.com/forum/thread-1');
      assert.ok(page.wordCount > 0);
      assert.ok(page.text.length <= 400_000 && page.title.length <= 300);
    });
  }
});
