import { setTimeout as delay } from 'node:timers/promises';
import { type CommandDefinition, exitCodes } from '../command-definition.ts';
import { withEngine } from '../engine.ts';
import { createProgress } from '../progress.ts';
import { formatTable } from '../table.ts';

export const ingestCommand: CommandDefinition = {
  name: 'ingest',
  summary: 'gather a page, feed, sitemap, HTML file or folder of HTML files',
  description:
    'Gathers sources and waits until each page is read or has failed with its reason. robots.txt is obeyed; private addresses are ' +
    'refused unless CRAWL_ALLOWED_PRIVATE_HOSTS names them.',
  arguments: [{ name: 'sources', description: 'URLs (page, feed or sitemap), .html files or folders', isList: true }],
  takesJson: true,
  examples: ['ingest https://example.com/feed.xml', 'ingest https://example.com/sitemap.xml ./saved-pages'],
  async run({ config, logger, arguments: sources, isJson }) {
    return withEngine(config, logger, ['web-scraper', 'scheduler'], async ({ webScraper }) => {
      const progress = createProgress((text) => process.stderr.write(text), process.stderr.isTTY === true);
      const targetIds: string[] = [];
      const refused: { source: string; reason: string }[] = [];
      for (const source of sources) {
        const outcome = await webScraper.ingest(source);
        if (outcome.kind === 'refused') refused.push({ source, reason: outcome.reason });
        else targetIds.push(...outcome.targetIds);
      }
      await progress.step('Gathering', async (update) => {
        for (;;) {
          const { pending, done, targetsToCrawl } = await webScraper.crawlStatus(targetIds);
          update(`${done} pages read, ${pending} to go`);
          if (pending === 0 && targetsToCrawl === 0) return;
          await delay(200);
        }
      });
      const pages = await webScraper.listPagesOf(targetIds);
      const isPartial = refused.length > 0 || pages.some((page) => page.status !== 'done');
      if (isJson) console.log(JSON.stringify({ pages, refused }));
      else {
        const rows = [
          ...pages.map((page) => [page.status, page.url, page.reason ?? '']),
          ...refused.map(({ source, reason }) => ['refused', source, reason]),
        ];
        console.log(formatTable(['state', 'address', 'reason'], rows));
      }
      return isPartial ? exitCodes.partial : exitCodes.done;
    });
  },
};
