import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDocument } from './dom.ts';
import { renderText } from './render-text.ts';

const render = (html: string) => renderText(parseDocument(html).body, ({ localName }) => localName === 'script');

test('paragraphs and headings are parted by blank lines, white space is collapsed', () => {
  assert.equal(
    render('<h2> A  heading </h2><p>One\n <b>two</b>,\u00a0three.</p>loose text<div>a <span>b</span><div>c</div>d</div>'),
    'A heading\n\nOne two, three.\n\nloose text\n\na b\n\nc\n\nd',
  );
});

test('inline tags part no words, nor do they join any', () => {
  assert.equal(render('<p>CO<sub>2</sub> and<b> bold</b>text <i>it</i><em>alic</em>.</p>'), 'CO2 and boldtext italic.');
});

test('a line break ends a line, two end a paragraph', () => {
  assert.equal(render('one<br>two<br><br>three<br/>\n<br/>four'), 'one\ntwo\n\nthree\n\nfour');
});

test('list items are lines, also those in lists inside lists', () => {
  assert.equal(
    render('<p>Before</p><ul><li>one<li><p>two</p><p>more</p><ol><li>deep</ol></ul><p>After</p><dl><dt>Term<dd>Meaning</dl>'),
    'Before\n\none\ntwo\nmore\ndeep\n\nAfter\n\nTerm\nMeaning',
  );
});

test('a table of data is read row by row, a name and its value as such', () => {
  assert.equal(
    render('<table><thead><tr><th>Plant</th><th>Light</th></tr></thead><tr><td>Moss</td><td><p>low</p></td></tr></table>'),
    'Plant | Light\nMoss | low',
  );
  assert.equal(
    render('<table><tr><th>Stages</th><td>2</td></tr><tr><th>Hose:</th><td>4/6 mm</td></tr></table>'),
    'Stages: 2\nHose: 4/6 mm',
  );
});

test('a table for the layout is none', () => {
  assert.equal(
    render(
      '<table><tr><td><ul><li>Menu</ul></td><td><h1>Title</h1><p>Text.</p><table><tr><td>a</td><td>b</td></tr></table></td></tr></table>',
    ),
    'Menu\n\nTitle\n\nText.\n\na | b',
  );
});

test('preformatted text keeps its lines', () => {
  assert.equal(render('<pre>first   line\n  second\r\nthird</pre>'), 'first line\nsecond\nthird');
});

test('what is left out leaves no trace', () => {
  assert.equal(render('<p>one <script>var x = "two"</script>three</p>'), 'one three');
});
