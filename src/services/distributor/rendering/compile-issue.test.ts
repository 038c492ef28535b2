import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parseHTML } from 'linkedom';
import { maxUnclippedBytes } from '../campaigns/preflight/index.ts';
import type { IssueContent } from '../distributor-types.ts';
import { compileIssue } from './compile-issue.ts';
import type { IssueToCompile } from './issue-to-compile.ts';
import { createMessageRenderer } from './message-renderer.ts';
import { cleanName } from './recipient-name.ts';
import type { RecipientValues } from './recipient-template.ts';
import { shortenToBrief, wrapLines } from './text-layout.ts';

const templates = path.resolve(import.meta.dirname, '../../../../packs/aquascaping/templates');
const template = {
  name: 'digest',
  mjml: readFileSync(path.join(templates, 'digest.mjml'), 'utf8'),
  textTemplate: readFileSync(path.join(templates, 'digest.txt.liquid'), 'utf8'),
};

const article = (number: number, changes: object = {}) => ({
  id: `0199aaaa-bbbb-7ccc-8ddd-${String(number).padStart(12, '0')}`,
  slug: `article-${number}`,
  title: `Article ${number}`,
  summary: `What article ${number} is about.`,
  url: `https://news.example/articles/article-${number}`,
  language: 'en',
  category: 'plants',
  publishedAt: new Date('2026-11-20T10:00:00Z'),
  ...changes,
});

const issue = (changes: Partial<IssueToCompile> = {}): IssueToCompile => ({
  template,
  subject: 'Ten plants for shade',
  preheader: 'and more',
  date: new Date('2026-11-24T10:00:00Z'),
  articles: [article(1), article(2)],
  site: { baseUrl: 'https://news.example', title: 'The Planted Tank', tagline: 'News of the week', language: 'en' },
  postalAddress: '',
  body: '',
  blocks: [],
  variables: {},
  textOverride: null,
  tracking: 'individual',
  variants: [],
  customFields: ['tank_litres'],
  ...changes,
});

const values = (links: readonly { url: string }[], name: string | null = null): RecipientValues => ({
  name,
  email: 'ana@example.org',
  language: 'en',
  country: null,
  timezone: null,
  tags: [],
  topics: [],
  fields: {},
  format: 'html',
  segments: [],
  unsubscribeUrl: 'https://news.example/unsubscribe/token',
  preferencesUrl: 'https://news.example/preferences/token',
  openUrl: 'https://news.example/t/o/token.gif',
  links: links.map((_, number) => `https://news.example/t/c/link-${number}`),
  variables: {},
});

function versionOf({ variants }: IssueContent, variant = 0) {
  const version = variants[variant];
  assert.ok(version !== undefined);
  return version;
}
const rendererOf = (content: IssueContent, variant = 0) => createMessageRenderer(versionOf(content, variant));

const minimal = (body: string) =>
  `<mjml>\n<mj-body>\n<mj-section><mj-column>\n${body}\n<mj-text>{% raw %}{{ unsubscribe_url }}{% endraw %}</mj-text>\n</mj-column></mj-section>\n</mj-body>\n</mjml>`;
const minimalText = '{% raw %}{{ unsubscribe_url }}{% endraw %}';
const withTemplate = (body: string, textTemplate = minimalText) => issue({ template: { name: 'own', mjml: minimal(body), textTemplate } });

describe('the digest', () => {
  test('greets by name, or without one, and names way out, reason, site and address', async () => {
    const content = await compileIssue(issue({ postalAddress: '1 Pond Street, Sofia' }));
    const render = rendererOf(content);
    const named = render(values(content.links, 'Ana'));
    const nameless = render(values(content.links));
    for (const text of [named.html, named.text]) {
      assert.match(text, /Hello Ana,/);
      assert.match(text, /https:\/\/news\.example\/unsubscribe\/token/);
      assert.match(text, /because you subscribed to The Planted Tank/);
      assert.match(text, /1 Pond Street, Sofia/);
      assert.match(text, /24 November 2026/);
      assert.doesNotMatch(text, /\{\{|\{%|undefined|null/);
    }
    for (const text of [nameless.html, nameless.text]) assert.match(text, /Hello,/);
    assert.match(named.html, /<img src="https:\/\/news\.example\/t\/o\/token\.gif"/);
    assert.doesNotMatch(nameless.text, /\n{3,}/, 'no holes in the plain text');
  });

  test('every link but the way out is numbered, alike in both parts, and knows its article', async () => {
    const content = await compileIssue(issue());
    assert.deepEqual(
      content.links.map(({ url, contentId }) => [url, contentId]),
      [
        ['https://news.example/articles/article-1', article(1).id],
        ['https://news.example/articles/article-2', article(2).id],
        ['https://news.example/', null],
      ],
    );
    const { html, text } = rendererOf(content)(values(content.links));
    const hrefs = [...parseHTML(html).document.querySelectorAll('a:not([aria-hidden])')].map((link) => link.getAttribute('href'));
    assert.deepEqual([...new Set(hrefs)].sort(), [
      'https://news.example/preferences/token',
      'https://news.example/t/c/link-0',
      'https://news.example/t/c/link-1',
      'https://news.example/t/c/link-2',
      'https://news.example/unsubscribe/token',
    ]);
    const urls = text.match(/https?:\/\/\S+/g);
    assert.deepEqual(urls, [
      'https://news.example/t/c/link-0',
      'https://news.example/t/c/link-1',
      'https://news.example/preferences/token',
      'https://news.example/unsubscribe/token',
    ]);
  });

  test('tells the first article in full and the others in a line each', async () => {
    const summary = `${'One word after another, '.repeat(12)}The end of it.`;
    const content = await compileIssue(issue({ articles: [1, 2, 3].map((number) => article(number, { summary })) }));
    const { html, text } = rendererOf(content)(values(content.links));
    for (const part of [html, text]) {
      assert.equal(part.replace(/\s+/g, ' ').match(/The end of it\./g)?.length, 1);
      assert.equal(part.match(/…/g)?.length, 2);
      for (const number of [1, 2, 3]) assert.ok(part.includes(`Article ${number}`));
    }
    assert.equal(versionOf(content).html.match(/Read the article/g)?.length, 1, 'one button');
  });

  test('stays whole in Gmail with as many articles as it takes', async () => {
    const summary = 'A summary of some length that tells what the reader will find. '.repeat(5);
    const content = await compileIssue(issue({ articles: Array.from({ length: 20 }, (_, number) => article(number, { summary })) }));
    const token = 'x'.repeat(90);
    const { html } = rendererOf(content)({
      ...values(content.links),
      links: content.links.map(() => `https://news.example/t/c/${token}`),
    });
    assert.ok(Buffer.byteLength(html) < maxUnclippedBytes, String(Buffer.byteLength(html)));
  });
});

describe('what comes in with values', () => {
  test('HTML in titles, subjects and names is shown, not obeyed', async () => {
    const evil = '<script>alert("1")</script>&amp;';
    const content = await compileIssue(issue({ subject: evil, preheader: evil, articles: [article(1, { title: evil, summary: evil })] }));
    const { html, text } = rendererOf(content)(values(content.links, '<b onclick="x">Ann</b>'));
    const { document } = parseHTML(html);
    assert.equal(document.querySelector('script, b'), null);
    assert.ok(document.body.textContent?.includes(evil));
    assert.ok(document.body.textContent?.includes('Hello <b onclick="x">Ann</b>,'));
    assert.ok(text.includes(evil));
  });

  test('template language in titles and names is text', async () => {
    const evil = '{{ unsubscribe_url }} {% if name %} {% raw %} {{{';
    const content = await compileIssue(issue({ articles: [article(1, { title: evil, summary: evil })] }));
    const { html, text } = rendererOf(content)(values(content.links, '{{ open_url }}'));
    assert.ok(parseHTML(html).document.body.textContent?.includes(evil));
    assert.ok(text.includes(evil));
    assert.ok(text.includes('Hello {{ open_url }},'));
  });

  test('a name is one line of bearable length', () => {
    assert.equal(cleanName(' Ana\r\nBcc: x@y.z\u0000 '), 'Ana Bcc: x@y.z');
    assert.equal(cleanName(' \t\n'), null);
    assert.equal(cleanName(null), null);
    assert.equal(cleanName('x'.repeat(500))?.length, 100);
  });
});

describe('a faulty template is refused with its line', () => {
  const faults: readonly (readonly [what: string, given: IssueToCompile, expected: RegExp])[] = [
    [
      'a variable that does not exist',
      withTemplate('<mj-text>\n{{ issue.subjct }}</mj-text>'),
      /^own\.mjml, line 5: undefined variable: issue\.subjct/,
    ],
    [
      'a filter that does not exist',
      withTemplate('<mj-text>{{ issue.subject | shout }}</mj-text>'),
      /^own\.mjml, line 4: undefined filter: shout/,
    ],
    ['a tag that is not closed', withTemplate('<mj-text>{% if site.url %}</mj-text>'), /^own\.mjml, line 4: .*not closed/],
    [
      'an MJML element that does not exist',
      withTemplate('{% for article in articles %}\n<mj-txt>x</mj-txt>\n{% endfor %}'),
      /^own\.mjml, line 5: .*mj-txt/,
    ],
    ['an attribute that does not exist', withTemplate('<mj-text colour="red">x</mj-text>'), /^own\.mjml, line 4: .*colour/],
    [
      'a fault in what each recipient gets',
      withTemplate('<mj-text>x</mj-text>\n<mj-text>{% raw %}{{ nmae }}{% endraw %}</mj-text>'),
      /^own\.mjml, line 5: undefined variable: nmae/,
    ],
    [
      'a fault for those without a name',
      withTemplate('<mj-text>{% raw %}{% unless name %}{{ nick }}{% endunless %}{% endraw %}</mj-text>'),
      /^own\.mjml, line 4: undefined variable: nick/,
    ],
    [
      'a fault in the text part',
      withTemplate('<mj-text>x</mj-text>', `a\nb {{ sit }}\n${minimalText}`),
      /^own\.txt\.liquid, line 2: undefined variable: sit/,
    ],
    ['a text part without a way out', withTemplate('<mj-text>x</mj-text>', 'Hello'), /^own\.txt\.liquid: .*unsubscribe_url/],
    ['a link that runs a script', withTemplate('<mj-text><a href="javascript:alert(1)">x</a></mj-text>'), /^own\.mjml: .*javascript:alert/],
    ['a file that it wants to read', withTemplate('<mj-text>{% include "/etc/passwd" %}</mj-text>'), /^own\.mjml, line 4: /],
  ];
  for (const [what, given, expected] of faults) {
    test(what, async () => {
      await assert.rejects(compileIssue(given), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'template_faulty');
        assert.match(error.message, expected);
        return true;
      });
    });
  }
});

test('mailto, tel and fragments stay; encoded addresses are decoded once', async () => {
  const content = await compileIssue(
    withTemplate(
      '<mj-text><a href="mailto:a@b.example">m</a> <a href="#top">t</a> <a href="https://x.example/?a=1&amp;b=2">l</a></mj-text>',
    ),
  );
  assert.deepEqual(content.links, [{ url: 'https://x.example/?a=1&b=2', contentId: null }]);
  assert.match(versionOf(content).html, /href="mailto:a@b\.example"/);
});

test('lines of text are broken at spaces, and long words stay whole', () => {
  assert.equal(wrapLines('one two three', 7), 'one two\nthree');
  assert.equal(wrapLines('extraordinarily long', 5), 'extraordinarily\nlong');
  assert.equal(wrapLines('a\nb', 10), 'a\nb');
});

test('a text is made brief at the end of a sentence where it can be, else at a word', () => {
  const cases: [text: string, maxLength: number, brief: string][] = [
    ['All of it.', 20, 'All of it.'],
    ['One sentence. And another one that is long.', 20, 'One sentence.'],
    ['One. Two (three). Four is too much for it.', 20, 'One. Two (three).'],
    ['Growth at 4.5 degrees is a slow thing', 20, 'Growth at 4.5…'],
    ['One, two, three and four, and five', 18, 'One, two, three…'],
    ['So. What follows is a sentence of some length.', 30, 'So. What follows is a…'],
    [`${'x'.repeat(40)} y`, 20, `${'x'.repeat(19)}…`],
    ['', 20, ''],
  ];
  for (const [text, maxLength, brief] of cases) assert.equal(shortenToBrief(text, maxLength), brief);
});
