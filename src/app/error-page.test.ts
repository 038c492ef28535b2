import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createErrorPage } from './error-page.ts';

const render = createErrorPage(async ({ title, html, status }) => `${status} ${title}\n${html}`);
const pageOf = (status: number) => render({ status, code: 'some_code', requestId: 'request-1234' });

test('a reader learns whether it helps to try again, and a fault of ours has a number to tell us', async () => {
  assert.match(await pageOf(503), /^503 Back in a moment\n.*try again.*request-1234/s);
  assert.match(await pageOf(500), /^500 Something went wrong\n.*request-1234/s);
  assert.match(await pageOf(502), /^502 Something went wrong/);
  for (const status of [400, 405, 413, 415, 422]) {
    const page = await pageOf(status);
    assert.doesNotMatch(page, /request-1234|our fault|some_code/);
    assert.match(page, /<h1>.+<\/h1>.*href="\/"/s);
  }
});
