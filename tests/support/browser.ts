import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium as driver, type Page } from 'playwright-core';
import { chromium, findProgram } from './programs.ts';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The machine's Chromium, headless, with nothing that talks to the outer world. */
export function launchBrowser(): Promise<Browser> {
  const executablePath = findProgram(chromium);
  if (executablePath === undefined) throw new Error('chromium is not installed');
  return driver.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
    ],
  });
}

/** Violations of WCAG A and AA and of good practice that axe finds, a line each. */
export async function findAccessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  // The expression runs in the page, where axe is a global.
  const results = await page.evaluate<{ violations: { id: string; impact: string; help: string; nodes: { target: string[] }[] }[] }>(
    'axe.run(document, { resultTypes: ["violations"] })',
  );
  return results.violations.map(
    ({ id, impact, help, nodes }) => `${impact} ${id}: ${help} (${nodes.map(({ target }) => target.join(' ')).join(', ')})`,
  );
}
