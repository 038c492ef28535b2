import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { findAccessibilityFaults, launchBrowser } from '../../../../tests/support/browser.ts';
import { compileIssue } from './compile-issue.ts';
import type { IssueToCompile } from './issue-to-compile.ts';
import { createMessageRenderer } from './message-renderer.ts';
import { untrackedReader } from './preview-reader.ts';

const folder = path.resolve(import.meta.dirname, '../../../../packs/aquascaping/templates');
const names = ['digest', 'announcement', 'guide', 'showcase', 'interview'] as const;
const read = (file: string) => readFileSync(path.join(folder, file), 'utf8');
// Nothing is fetched: a picture of the same shape stands for the site's.
const picture = 'data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7';

const article = (number: number) => ({
  id: `0199aaaa-bbbb-7ccc-8ddd-${String(number).padStart(12, '0')}`,
  slug: `article-${number}`,
  title: `Ten plants that grow in shade, and what Cryptocoryne-usteriana-and-others ask for (${number})`,
  summary: 'Mosses, ferns and Anubias grow slowly in the shade, and stay green for years. What they ask for is told here.',
  url: `https://news.example/articles/article-${number}`,
  language: 'en',
  category: number === 2 ? null : 'co2-and-light',
  publishedAt: new Date('2026-11-20T10:00:00Z'),
  image: { url: picture, alt: `Illustration ${number}` },
});

const issue = (name: string, changes: Partial<IssueToCompile> = {}): IssueToCompile => ({
  template: { name, mjml: read(`${name}.mjml`), textTemplate: read(`${name}.txt.liquid`) },
  subject: 'One thing a week is fast enough',
  preheader: 'What is inside',
  date: new Date('2026-11-24T10:00:00Z'),
  articles: [1, 2, 3].map(article),
  site: { baseUrl: 'https://news.example', title: 'The Planted Tank', tagline: 'News of the week', language: 'en' },
  postalAddress: '1 Pond Street, Sofia',
  body: '## A question?\n\nAn *answer*, with a [link](https://news.example/more) and\n\n1. a step\n2. another\n\n> A quotation.\n\n| a | b |\n|---|---|\n| `1` | https://news.example/a/very/long/address/that/goes/on/and/on/and/on |',
  blocks: [{ slot: 'top', segmentIds: ['s1'], body: 'For members.' }],
  variables: { button_url: 'https://news.example/do', expert: 'Maria Petrova, botanist', quote: 'It could not work, so it did.' },
  textOverride: null,
  tracking: 'individual',
  variants: [],
  customFields: [],
  ...changes,
});

async function renderFor(given: IssueToCompile) {
  const content = await compileIssue(given);
  const [version] = content.variants;
  assert.ok(version !== undefined);
  return createMessageRenderer(version)({
    ...untrackedReader(null, given, content, 'https://news.example/unsubscribe/token'),
    preferencesUrl: 'https://news.example/preferences/token',
    name: 'Ana',
    segments: ['s1'],
  });
}

describe('the templates that come with the engine', () => {
  let browser: Browser;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser.close());

  for (const name of names) {
    test(`${name}: fits from 320 to 800 px, light and dark, and hides its preheader`, async () => {
      const { html } = await renderFor(issue(name));
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await browser.newPage({ viewport: { width: 800, height: 900 }, colorScheme });
        await page.setContent(html);
        assert.deepEqual(await findAccessibilityFaults(page), []);
        for (const width of [320, 480, 600, 800]) {
          await page.setViewportSize({ width, height: 900 });
          assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width, `${width} px`);
        }
        assert.equal(await page.getByText('What is inside').isVisible(), false);
        const ground = await page.evaluate('getComputedStyle(document.querySelector(".sheet > table")).backgroundColor');
        assert.equal(ground, colorScheme === 'dark' ? 'rgb(20, 33, 27)' : 'rgb(255, 255, 255)');
        await page.close();
      }
    });

    test(`${name}: both parts carry text, articles, way out, preferences and address, each way out once`, async () => {
      const { html, text } = await renderFor(issue(name));
      for (const part of [html, text]) {
        for (const expected of ['A question?', 'For members.', 'The Planted Tank', '1 Pond Street, Sofia', 'Hello Ana,']) {
          assert.ok(part.includes(expected), expected);
        }
        for (const once of ['https://news.example/unsubscribe/token', 'https://news.example/preferences/token']) {
          assert.equal(part.split(once).length - 1, 1, once);
        }
        for (const number of [1, 2, 3]) assert.ok(part.includes(`https://news.example/articles/article-${number}`));
        assert.doesNotMatch(part, /\{\{|\{%|undefined|\[object/);
      }
      assert.match(html, /<meta name="?color-scheme"? content="light dark"/);
      assert.ok(
        text.split('\n').every((line) => line.length <= 78 || line.includes('https://')),
        'lines that fit',
      );
    });

    test(`${name}: does without articles, variables, preheader and address`, async () => {
      const { html, text } = await renderFor(
        issue(name, { articles: [], variables: {}, preheader: '', postalAddress: '', blocks: [], body: 'Only this.' }),
      );
      for (const part of [html, text]) {
        assert.ok(part.includes('Only this.'));
        assert.doesNotMatch(part, /href=""[^>]*role|undefined|Read the/);
      }
    });
  }
});
