import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeRobots, maxRobotsBytes, productTokenOf, readRobots } from './robots.ts';

const origin = 'https://example.com';
const token = 'AquaSceneBot';
const rules = (text: string) => readRobots(origin, text, token);

describe('robots.txt', () => {
  test('the longest rule decides, and allow wins a tie', () => {
    const { isAllowed } = rules(
      'User-agent: *\nDisallow: /a\nAllow: /a/open\nDisallow: /b$\nDisallow: /*.pdf$\nAllow: /tie\nDisallow: /tie',
    );
    for (const [path, expected] of [
      ['/', true],
      ['/a', false],
      ['/a/closed', false],
      ['/a/open/page', true],
      ['/b', false],
      ['/bc', true],
      ['/x/y.pdf', false],
      ['/x/y.pdf?page=1', true],
      ['/tie', true],
    ] as const) {
      assert.equal(isAllowed(origin + path), expected, path);
    }
  });

  test('the group of our product token counts alone; without one, that of everybody', () => {
    const own = rules('User-agent: *\nDisallow: /\n\nUser-agent: other\nUser-agent: AQUASCENEBOT\nDisallow: /own');
    assert.equal(own.isAllowed(`${origin}/x`), true);
    assert.equal(own.isAllowed(`${origin}/own`), false);
    const all = rules('User-agent: BadBot\nDisallow: /\n\nUser-agent: *\nDisallow: /drafts/');
    assert.equal(all.isAllowed(`${origin}/x`), true);
    assert.equal(all.isAllowed(`${origin}/drafts/x`), false);
    assert.equal(productTokenOf('AquaSceneBot/0.1 (+https://aquascene.example/bot)'), token);
  });

  test('a query is part of what a rule matches, and robots.txt itself may always be fetched', () => {
    const { isAllowed } = rules('User-agent: *\nDisallow: /*?sort=\nDisallow: /robots.txt');
    assert.equal(isAllowed(`${origin}/list?sort=up`), false);
    assert.equal(isAllowed(`${origin}/list?page=2`), true);
    assert.equal(isAllowed(`${origin}/robots.txt`), true);
  });

  test('the crawl delay may be a fraction, is a minute at most and a second by default', () => {
    const delay = (text: string) => rules(`User-agent: *\n${text}`).crawlDelayMs;
    assert.equal(delay('Crawl-delay: 0.3'), 300);
    assert.equal(delay('crawl-delay: 5'), 5000);
    assert.equal(delay('Crawl-delay: 86400'), 60_000);
    assert.equal(delay('Crawl-delay: 0'), 0);
    for (const nonsense of ['Crawl-delay: soon', 'Crawl-delay: -1', 'Crawl-delay: Infinity', 'Disallow:', ''])
      assert.equal(delay(nonsense), 1000, nonsense);
  });

  test('nothing, nonsense and a web page allow everything', () => {
    for (const text of ['', 'Disallow: /', '<!doctype html><title>Not found</title><p>User-agent', ':::\n\n:', 'User-agent\nDisallow']) {
      assert.equal(rules(text).isAllowed(`${origin}/x`), true, text);
    }
  });

  test('line ends, marks and NUL characters do no harm, and the end of a long one is not read', () => {
    const odd = decodeRobots(Buffer.from('\ufeffUser-agent: *\r\nDisallow: /a # comment\rDisallow: /b\u0000\n'));
    assert.equal(rules(odd).isAllowed(`${origin}/a`), false);
    assert.equal(rules(odd).isAllowed(`${origin}/b`), false);
    const long = decodeRobots(Buffer.from(`User-agent: *\n${'# x\n'.repeat(maxRobotsBytes / 4)}Disallow: /late`));
    assert.equal(rules(long).isAllowed(`${origin}/late`), true);
  });
});
