import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { createTestEngine, type TestEngine } from '../../src/app/testing/test-engine.ts';
import { launchBrowser } from '../support/browser.ts';
import { chromium, reasonToSkip } from '../support/programs.ts';

const screenshots = process.env.SCREENSHOTS;

describe('the API reference in a real browser', { skip: reasonToSkip(chromium) }, () => {
  let engine: TestEngine;
  let browser: Browser;
  let baseUrl: string;

  before(async () => {
    engine = await createTestEngine();
    baseUrl = await engine.server.listen({ host: '127.0.0.1', port: 0 });
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await engine?.close();
  });

  for (const width of [390, 1280]) {
    test(`at ${width} px it shows what the API can do, and asks no other host for anything`, async () => {
      const page = await browser.newPage({ viewport: { width, height: 900 } });
      const elsewhere: string[] = [];
      const faults: string[] = [];
      page.on('request', (request) => {
        if (!request.url().startsWith(baseUrl) && !/^(data|blob|about):/.test(request.url())) elsewhere.push(request.url());
      });
      page.on('console', (message) => {
        // What the policy of the page keeps it from says so here.
        if (message.type() === 'error') faults.push(message.text());
      });
      page.on('pageerror', (error) => faults.push(error.message));
      await page.goto(`${baseUrl}/docs`, { waitUntil: 'networkidle' });
      await page.getByRole('heading', { name: 'AquaScene Content Engine' }).first().waitFor();
      // Sections are drawn as they come into view.
      await page.getByRole('heading', { name: 'Articles of any status, newest first' }).first().waitFor();
      await page.goto(`${baseUrl}/docs/#tag/campaigns/POST/api/v1/campaigns`);
      await page.reload({ waitUntil: 'networkidle' });
      await page.getByRole('heading', { name: 'Draft a campaign' }).first().waitFor();
      if (screenshots !== undefined) await page.screenshot({ path: path.join(screenshots, `docs-${width}.png`) });
      assert.deepEqual(elsewhere, []);
      assert.deepEqual(faults, []);
      await page.close();
    });
  }
});
