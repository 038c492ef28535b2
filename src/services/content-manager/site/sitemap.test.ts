import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeSitemap } from './sitemap.ts';

test('a long sitemap lets other work in, and lists every address in its place', async () => {
  const urls = Array.from({ length: 5003 }, (_, index) => ({ url: `https://digest.example/a?b=${index}&c`, updatedAt: new Date(0) }));
  let turns = 0;
  const ticking = setImmediate(function tick() {
    turns += 1;
    if (turns < 3) setImmediate(tick);
  });
  const text = await writeSitemap(urls);
  clearImmediate(ticking);
  assert.equal(turns, 3);
  const listed = [...text.matchAll(/<loc>([^<]+)<\/loc><lastmod>1970-01-01T00:00:00.000Z<\/lastmod>/g)].map(([, url]) => url);
  assert.deepEqual(
    listed,
    urls.map(({ url }) => url.replace('&', '&amp;')),
  );
});
