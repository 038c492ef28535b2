import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { run } from './extract-worker.ts';

type Page = {
  readonly host: string;
  readonly path: string;
  readonly language: string;
  readonly title: string;
  readonly author: string | null;
  readonly published: string | null;
  readonly must_contain: readonly string[];
  readonly must_not_contain: readonly string[];
  readonly comment_snippets?: readonly string[];
};

const folder = path.resolve(import.meta.dirname, '../../../../packs/aquascaping/sample-web');
const manifest: { readonly pages: readonly Page[] } = parse(readFileSync(path.join(folder, 'manifest.yaml'), 'utf8'));

function extract({ host, path: pagePath }: Page) {
  const file = path.join(folder, host, `${pagePath === '/' ? '/index' : pagePath}.html`);
  // Byte for byte: one of the pages is in ISO 8859-1.
  const html = readFileSync(file, 'latin1').replace(/\{\{origin(?::([^}]+))?\}\}/g, (_, other?: string) => `http://${other ?? host}:8001`);
  return run({
    body: Buffer.from(html, 'latin1'),
    contentType: 'text/html',
    url: `http://${host}:8001${pagePath}`,
    now: new Date('2026-11-24'),
  });
}

describe('every page of the sample web', () => {
  for (const page of manifest.pages) {
    test(`${page.host}${page.path}`, () => {
      const found = extract(page);
      assert.deepEqual(
        {
          title: found.title,
          author: found.author,
          published: found.publishedAt?.toISOString().slice(0, 10) ?? null,
          language: found.language,
        },
        { title: page.title, author: page.author, published: page.published, language: page.language },
      );
      for (const text of page.must_contain) assert.ok(found.text.includes(text), `lacks "${text}"`);
      for (const text of [...page.must_not_contain, ...(page.comment_snippets ?? [])])
        assert.ok(!found.text.includes(text), `holds "${text}"`);
    });
  }
});
