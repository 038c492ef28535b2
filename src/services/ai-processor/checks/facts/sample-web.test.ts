import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { loadPack } from '#platform/pack';
import { createFactReader } from './index.ts';

const pack = path.resolve(import.meta.dirname, '../../../../../packs/aquascaping');

async function readLines(file: string): Promise<string[]> {
  const bytes = await readFile(file);
  const isLatin1 = /charset=["']?iso-8859-1/i.test(bytes.toString('latin1', 0, 1000));
  const html = bytes.toString(isLatin1 ? 'latin1' : 'utf8').replace(/<(script|style|head)[\s\S]*?<\/\1>/g, ' ');
  const names: Readonly<Record<string, string>> = {
    nbsp: ' ',
    amp: '&',
    deg: '°',
    ndash: '–',
    quot: '"',
    '#39': "'",
    '#x27': "'",
    micro: 'µ',
  };
  return html
    .replace(/<\/?(?:p|li|h\d|td|th|tr|div|dt|dd|br|ul|figcaption|blockquote)\b[^>]*>/g, '\n')
    .replace(/<[^>]+>/g, '')
    .replace(/&(#?\w+);/g, (whole, name: string) => names[name] ?? whole)
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' ').trim());
}

test('in the sample web exactly the planted errors contradict the knowledge', async (t) => {
  const { knowledge } = await loadPack(pack);
  const read = createFactReader(knowledge);
  const manifest = parse(await readFile(path.join(pack, 'sample-web/manifest.yaml'), 'utf8')) as { planted_errors: string[] };
  const folder = path.join(pack, 'sample-web');
  const pages = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.html'));
  const flagged = new Set<string>();
  let agreements = 0;
  for (const page of pages) {
    for (const line of await readLines(path.join(folder, page))) {
      for (const { verdict, finding } of read(line)) {
        if (verdict === 'agrees') agreements += 1;
        else
          flagged.add(
            manifest.planted_errors.find((error) => error.includes(finding.stated) && line.includes(error)) ??
              `${page}: ${finding.message}`,
          );
      }
    }
  }
  t.diagnostic(`${agreements} statements agree`);
  assert.ok(pages.length >= 14);
  assert.deepEqual([...flagged].sort(), manifest.planted_errors.toSorted());
  assert.ok(agreements > 100, `${agreements} statements agree`);
});
