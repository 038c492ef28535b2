import { setTimeout as delay } from 'node:timers/promises';
import { briefsOf } from '#services/ai-processor';
import { type CommandDefinition, exitCodes } from '../command-definition.ts';
import { ConfigError } from '../config.ts';
import { withEngine } from '../engine.ts';
import { createProgress } from '../progress.ts';
import { requestDrafts } from '../request-drafts.ts';
import { formatTable } from '../table.ts';

const checkLanguage = (tag: string) => (/^[a-z]{2}$/.test(tag) ? undefined : 'give a language of two letters, such as en or bg');

export const generateCommand: CommandDefinition = {
  name: 'generate',
  summary: 'write drafts from the gathered sources',
  description:
    'Writes a draft on a topic of the pack (its slug), on all of them (--all), or on words of your own. Declines, and says so, where ' +
    'the sources hold nothing on the topic.',
  arguments: [
    { name: 'topic', description: 'the slug of a topic of the pack, or a topic in your own words', isOptional: true, isList: true },
  ],
  options: [
    { flags: '--all', description: 'all topics of the pack' },
    { flags: '--language <tag>', description: 'language of a topic in your own words (default: that of the site)', check: checkLanguage },
  ],
  takesJson: true,
  examples: ['generate --all', 'generate "mosses for shrimp tanks"', 'generate --language bg "водни растения"'],
  async run({ config, logger, arguments: words, options, isJson }) {
    const topic = words.join(' ');
    if ((topic === '') === (options.all !== true)) throw new ConfigError(['generate takes a topic, or --all for the topics of the pack.']);
    return withEngine(config, logger, ['ai-processor', 'content-manager'], async ({ aiProcessor, contentManager, pack }) => {
      const briefs = briefsOf(pack);
      const chosen = options.all === true ? briefs : briefs.filter((brief) => brief.key === topic);
      const wanted =
        chosen.length > 0
          ? chosen.map(({ key: _key, ...brief }) => brief)
          : [
              {
                title: topic,
                query: topic,
                language: typeof options.language === 'string' ? options.language : config.site.language.slice(0, 2),
                contentType: 'guide' as const,
                category: null,
                tags: [],
                headings: [],
              },
            ];
      const asked = wanted.map((brief) => ({ brief }));
      const requests = await requestDrafts(aiProcessor, asked, 'command');
      const progress = createProgress((text) => process.stderr.write(text), process.stderr.isTTY === true);
      const finished = await progress.step('Writing', async (update) => {
        for (;;) {
          const states = await Promise.all(requests.map((request) => aiProcessor.getGeneration(request.id)));
          const open = states.filter((state) => state.status === 'queued').length;
          update(`${states.length - open} of ${states.length}`);
          if (open === 0) return states;
          await delay(150);
        }
      });
      if (isJson) console.log(JSON.stringify(finished));
      else {
        const ids = finished.flatMap(({ contentId }) => contentId ?? []);
        const titles = new Map((await contentManager.findTitles(ids)).map(({ id, title }) => [id, title]));
        const rows = finished.map(({ status, brief, contentId, reason }) =>
          contentId === null ? [status, brief.title, reason ?? ''] : [status, titles.get(contentId) ?? brief.title, contentId],
        );
        console.log(formatTable(['state', 'topic', 'article or reason'], rows));
      }
      return finished.every((request) => request.status === 'written') ? exitCodes.done : exitCodes.partial;
    });
  },
};
