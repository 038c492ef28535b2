import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parseHTML } from 'linkedom';
import { compileIssue } from './compile-issue.ts';
import type { IssueToCompile } from './issue-to-compile.ts';
import { createMessageRenderer } from './message-renderer.ts';
import { untrackedReader } from './preview-reader.ts';
import type { RecipientValues } from './recipient-template.ts';
import { toLiteralLiquid } from './template-engine.ts';

const folder = path.resolve(import.meta.dirname, '../../../../packs/aquascaping/templates');
const mjml = readFileSync(path.join(folder, 'announcement.mjml'), 'utf8');
const textTemplate = readFileSync(path.join(folder, 'announcement.txt.liquid'), 'utf8');

const issue = (changes: Partial<IssueToCompile> = {}): IssueToCompile => ({
  template: { name: 'announcement', mjml, textTemplate },
  subject: 'News',
  preheader: '',
  date: new Date('2026-11-24T10:00:00Z'),
  articles: [],
  site: { baseUrl: 'https://news.example', title: 'The Planted Tank', tagline: '', language: 'en' },
  postalAddress: '',
  body: 'A text.',
  blocks: [],
  variables: {},
  textOverride: null,
  tracking: 'individual',
  variants: [],
  customFields: ['tank_litres'],
  ...changes,
});

async function render(changes: Partial<IssueToCompile>, reader: Partial<RecipientValues> = {}, variant = 0) {
  const given = issue(changes);
  const content = await compileIssue(given);
  const version = content.variants[variant];
  assert.ok(version !== undefined);
  const message = createMessageRenderer(version)({ ...untrackedReader(null, given, content, 'https://news.example/u/1'), ...reader });
  return { ...message, content, document: parseHTML(message.html).document };
}
const flat = (text: string | null | undefined) => (text ?? '').replace(/\s+/g, ' ').trim();

describe('what is written for an issue', () => {
  test('is Markdown, in which HTML is text and no link runs a script', async () => {
    const { document, text } = await render({
      body: '## Title\n\nA **word** and <b onclick="x()">none</b>.\n\n<script>alert(1)</script>\n\n[bad](javascript:alert(1)) ![bad](javascript:x)',
    });
    assert.equal(document.querySelector('script, b[onclick], a[href^="javascript"], img[src^="javascript"]'), null);
    assert.equal(document.querySelector('.copy h2')?.textContent, 'Title');
    assert.ok(flat(document.body.textContent).includes('<b onclick="x()">none</b>'));
    assert.ok(text.includes('<script>alert(1)</script>'));
  });

  test('greets readers by what is known of them, with defaults, in subject, text and links', async () => {
    const changes = {
      subject: '{{ name | default: "Reader" }}, your {{ fields.tank_litres | default: "small" }} litres',
      body: 'Dear {{ name | default: "reader" }} <{{ email }}>: {{ "{" }}braces} { } and [way out]({{ unsubscribe_url }}), [more](https://x.example/?who={{ language }}).',
    };
    const known = await render(changes, { name: '<i>Ana</i>', fields: { tank_litres: 60 } });
    assert.equal(known.subject, '<i>Ana</i>, your 60 litres');
    assert.equal(known.document.querySelector('i'), null);
    assert.ok(known.text.includes('Dear <i>Ana</i> <reader@example.org>: {braces} { } and way out'));
    assert.equal(known.document.querySelector('.copy a')?.getAttribute('href'), 'https://news.example/u/1');
    assert.ok(known.html.includes('href="https://x.example/?who=en"'));
    const unknown = await render(changes);
    assert.equal(unknown.subject, 'Reader, your small litres');
    assert.ok(flat(unknown.document.body.textContent).includes('Dear reader'));
  });

  test('can differ by tags round paragraphs, which leave no empty ones', async () => {
    const body = '{% if country == "BG" %}\n\nFor Bulgaria.\n\n{% else %}\n\nFor others.\n\n{% endif %}';
    const [here, there] = [await render({ body }, { country: 'BG' }), await render({ body })];
    assert.ok(here.text.includes('For Bulgaria.') && !here.text.includes('For others.'));
    assert.ok(there.html.includes('For others.') && !there.html.includes('For Bulgaria.'));
    assert.equal([...here.document.querySelectorAll('.copy p')].filter((p) => flat(p.textContent) === '').length, 0);
  });

  test('has parts that only readers of a segment see, in both parts of the mail', async () => {
    const blocks = [
      { slot: 'top', segmentIds: ['s1', 's2'], body: 'For **some**.' },
      { slot: 'bottom', segmentIds: [], body: 'For all.' },
    ];
    for (const [segments, sees] of [
      [['s2'], true],
      [['s3'], false],
      [[], false],
    ] as const) {
      const { html, text } = await render({ blocks }, { segments });
      assert.equal(text.includes('For some.'), sees);
      assert.equal(html.includes('For <strong>some</strong>.'), sees);
      assert.ok(html.includes('For all.') && text.includes('For all.'));
    }
  });

  test('takes its variables, and their defaults where they are left out', async () => {
    const set = await render({
      variables: { button_url: 'https://news.example/join', button_label: 'Join <us>' },
      body: '[here]({{ variables.button_url }})',
    });
    assert.deepEqual(
      set.content.links.map(({ url }) => url),
      ['https://news.example/join', 'https://news.example/'],
    );
    assert.ok(flat(set.document.body.textContent).includes('Join <us>'));
    assert.ok(!(await render({})).html.includes('Find out more'), 'without an address there is no button');
  });

  test('has a text part that can be written by hand', async () => {
    const { text, content } = await render({
      textOverride: 'Only {{ name | default: "you" }}: https://news.example/a.\n{{ unsubscribe_url }}',
    });
    assert.equal(text, 'Only you: https://news.example/a.\nhttps://news.example/u/1');
    assert.ok(content.links.some(({ url }) => url === 'https://news.example/a'));
  });

  test('is derived as text where a template brings none', async () => {
    const { text } = await render({
      template: { name: 'own', mjml, textTemplate: '' },
      blocks: [{ slot: 'top', segmentIds: [], body: 'Above.' }],
    });
    assert.match(text, /News\n\nAbove\.\n\nA text\.[\s\S]*https:\/\/news\.example\/u\/1/);
  });

  test('comes in variants, whose links are numbered over all of them', async () => {
    const changes = {
      body: 'See [one](https://news.example/one).',
      variants: [{}, { subject: 'Other', body: 'See [two](https://news.example/two) and [one](https://news.example/one).' }],
    };
    const first = await render(changes);
    const second = await render(changes, {}, 1);
    assert.deepEqual(
      first.content.links.map(({ url }) => url),
      ['https://news.example/one', 'https://news.example/', 'https://news.example/two'],
    );
    assert.deepEqual([first.subject, second.subject], ['News', 'Other']);
    assert.ok(second.html.includes('href="https://news.example/two"') && !first.html.includes('/two'));
  });

  test('is tracked by nothing where it says so', async () => {
    assert.match((await render({})).html, /width="?1"? height="?1"?[\s\S]*aria-hidden="true" style="display:none"/);
    assert.doesNotMatch((await render({ tracking: 'off' })).html, /width="?1"? height="?1"?|aria-hidden="true"/);
  });

  test('keeps titles as they are in a subject that is made of them', async () => {
    const title = 'What {{ name }} and {% if %} mean';
    assert.equal((await render({ subject: toLiteralLiquid(title) })).subject, title);
  });
});

describe('what cannot be sent is named with its place', () => {
  const faults: readonly (readonly [string, Partial<IssueToCompile>, RegExp])[] = [
    [
      'an unknown variable in a branch that no sample reaches',
      { body: 'a\n\n{% if country == "XX" %}{{ nmae }}{% endif %}' },
      /^body, line 3: undefined variable: nmae/,
    ],
    [
      'a custom field that is not declared',
      { subject: '{{ fields.tnak }}' },
      /^subject, line 1: undefined variable: fields\.tnak; custom fields must be declared/,
    ],
    ['a variable without value and default', { body: '{{ variables.x }}' }, /^body, line 1: undefined variable: variables\.x/],
    ['a fault in a variant', { variants: [{}, { subject: '{{ oops }}' }] }, /^subject of variant 1, line 1: undefined variable: oops/],
    [
      'a block without a place',
      { blocks: [{ slot: 'side', segmentIds: [], body: 'x' }] },
      /no place for the block "side"; it has: top, middle, bottom/,
    ],
    ['a fault in a block', { blocks: [{ slot: 'top', segmentIds: [], body: '{% if %}' }] }, /^block top, line 1: /],
    ['a subject of two lines', { subject: 'a\r\nBcc: x@y.z' }, /^subject: it holds control characters/],
    ['a text by hand without a way out', { textOverride: 'Hello' }, /^text: .*unsubscribe_url/],
    ['a link made of what a reader has said', { body: '[x]({{ fields.tank_litres }})' }, /a link leads to "\{\{ fields\.tank_litres \}\}"/],
    [
      'a body for a template without a place for it',
      { template: { name: 'own', mjml: '<mjml><mj-body></mj-body></mjml>', textTemplate: '' } },
      /^own\.mjml: the template has no place for the text/,
    ],
  ];
  for (const [what, changes, expected] of faults) {
    test(what, async () => {
      await assert.rejects(compileIssue(issue(changes)), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'template_faulty', error.stack);
        assert.match(error.message, expected);
        return true;
      });
    });
  }
});
