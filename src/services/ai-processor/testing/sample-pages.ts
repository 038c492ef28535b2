import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '#shared/clock';
import type { RawContent } from '../generation-types.ts';

export const packFolder = path.resolve(import.meta.dirname, '../../../../packs/aquascaping');
const shrimpSources = [
  'greenwater-journal.localhost/articles/shrimp-parameters',
  'greenwater-journal.localhost/articles/low-light-plants',
  'scapers-corner.localhost/blog/moss-and-ferns-on-wood',
];

/** Headings and paragraphs of a page of the sample web, as extraction would leave them. */
async function readPage(source: string, clock: Clock): Promise<RawContent> {
  const html = await readFile(path.join(packFolder, 'sample-web', `${source}.html`), source.includes('moss') ? 'latin1' : 'utf8');
  const blocks = [...html.matchAll(/<(h1|h2|p)\b[^>]*>([\s\S]*?)<\/\1>/g)].map(([, , inner = '']) =>
    inner
      .replace(/<[^>]+>/g, '')
      .replaceAll('&amp;', '&')
      .replace(/\s+/g, ' ')
      .trim(),
  );
  const title = blocks.find((block) => block.length > 10) ?? source;
  const text = blocks.join('\n\n');
  return { id: clock.newId(), url: `http://${source}`, title, author: 'A. Writer', publishedAt: null, language: 'en', text };
}

/** Enough to write of shrimp. */
export const readShrimpPages = (clock: Clock): Promise<RawContent[]> => Promise.all(shrimpSources.map((source) => readPage(source, clock)));
