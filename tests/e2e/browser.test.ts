import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { findAccessibilityFaults, launchBrowser } from '../support/browser.ts';
import { createWorkplace, type Engine, startEngine, type Workplace } from '../support/engine.ts';
import { queryEngine } from '../support/engine-database.ts';
import { chromium, reasonToSkip } from '../support/programs.ts';

// SCREENSHOTS=<folder> keeps a picture of each page, for a person to look at.
const screenshots = process.env.SCREENSHOTS;
const widths = [320, 390, 1280];

describe('the pages in a real browser', { skip: reasonToSkip(chromium) }, () => {
  let workplace: Workplace;
  let engine: Engine;
  let browser: Browser;
  const targets: Record<string, string> = {
    home: '/',
    archive: '/articles',
    search: '/search?q=shrimp',
    'search-empty': '/search?q=zzzzqqqq',
    about: '/about',
    subscribe: '/subscribe',
    missing: '/no-such-page',
    mailbox: '/mailbox',
  };

  before(async () => {
    workplace = await createWorkplace();
    engine = startEngine(workplace);
    await engine.ready;
    browser = await launchBrowser();
    const [article] = await queryEngine<{ slug: string; category: string; tag: string }>(
      workplace,
      `select slug, category, tags[1] as tag from generated_content where status = 'published' and tags <> '{}' order by published_at desc limit 1`,
    );
    const [mail] = await queryEngine<{ id: string; raw: Buffer }>(
      workplace,
      'select id, raw from mailbox_messages order by received_at desc limit 1',
    );
    assert.ok(article && mail);
    targets.article = `/articles/${article.slug}`;
    targets.category = `/categories/${article.category}`;
    targets.tag = `/tags/${article.tag}`;
    targets.mail = `/mailbox/${mail.id}`;
    targets['mail-html'] = `/mailbox/${mail.id}/html`;
    const unsubscribe = /^List-Unsubscribe: ?<([^>]+)>/m.exec(mail.raw.toString().replace(/\r\n[ \t]+/g, ' '))?.[1];
    assert.ok(unsubscribe);
    targets.unsubscribe = new URL(unsubscribe).pathname;
    if (screenshots !== undefined) mkdirSync(screenshots, { recursive: true });
  });
  after(async () => {
    await browser?.close();
    await engine?.stop();
    workplace?.remove();
  });

  for (const width of widths) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`at ${width} px, ${colorScheme}: nothing overflows, nothing fails to load, axe finds nothing`, async () => {
        const context = await browser.newContext({ viewport: { width, height: 844 }, colorScheme, reducedMotion: 'reduce' });
        try {
          for (const [name, target] of Object.entries(targets)) {
            const page = await context.newPage();
            const failures: string[] = [];
            page.on('console', (message) => {
              // The 404 page is a 404 by intent; the browser says so in the console.
              if (message.type() === 'error' && name !== 'missing') failures.push(message.text());
            });
            page.on('requestfailed', (request) => failures.push(`${request.url()}: ${request.failure()?.errorText}`));
            await page.goto(`${engine.baseUrl}${target}`, { waitUntil: 'load' });
            const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
            if (screenshots !== undefined)
              await page.screenshot({ path: path.join(screenshots, `${name}-${width}-${colorScheme}.png`), fullPage: true });
            assert.ok(overflow <= 0, `${name} is ${overflow} px too wide at ${width} px`);
            assert.deepEqual(failures, [], name);
            // The mail's own HTML is a sandboxed document: no script runs in it, not even axe.
            if (name !== 'mail-html') assert.deepEqual(await findAccessibilityFaults(page), [], `${name} at ${width} px, ${colorScheme}`);
            await page.close();
          }
        } finally {
          await context.close();
        }
      });
    }
  }

  test('without JavaScript a reader reads, searches and subscribes', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
    try {
      const page = await context.newPage();
      await page.goto(engine.baseUrl);
      await page.locator('main a[href^="/articles/"]').first().click();
      await page.waitForURL('**/articles/**');
      assert.ok(((await page.locator('main article').first().textContent()) ?? '').length > 500);
      await page.goto(`${engine.baseUrl}/search`);
      await page.locator('main input[name=q]').fill('moss');
      await page.locator('main input[name=q]').press('Enter');
      await page.waitForURL('**/search?**');
      assert.ok((await page.locator('mark').count()) > 0);
      await page.goto(engine.baseUrl);
      await page.locator('form[action="/subscribe"] input[name=email]').first().fill('reader@example.org');
      await page.locator('form[action="/subscribe"] button').first().click();
      await page.waitForURL('**/subscribe');
      const [row] = await queryEngine<{ status: string }>(workplace, `select status from subscribers where email = 'reader@example.org'`);
      assert.equal(row?.status, 'pending');
    } finally {
      await context.close();
    }
  });
});
