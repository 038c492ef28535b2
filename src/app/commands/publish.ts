import { messageOf } from '#shared/errors';
import { type CommandDefinition, exitCodes } from '../command-definition.ts';
import { withEngine } from '../engine.ts';
import { formatTable } from '../table.ts';

export const publishCommand: CommandDefinition = {
  name: 'publish',
  summary: 'publish articles: submits, approves and publishes each, in your name',
  arguments: [{ name: 'ids', description: 'ids of articles', isList: true }],
  options: [{ flags: '--actor <name>', description: 'who publishes, as the versions keep it (default: command)' }],
  takesJson: true,
  examples: ['publish 0199…'],
  async run({ config, logger, arguments: ids, options, isJson }) {
    const actor = typeof options.actor === 'string' ? options.actor : 'command';
    return withEngine(config, logger, ['content-manager'], async ({ contentManager }) => {
      const outcomes: { id: string; outcome: string; address: string }[] = [];
      for (const id of ids) {
        try {
          const article = await contentManager.publishNow(id, actor);
          outcomes.push({ id, outcome: 'published', address: `${config.site.baseUrl}/articles/${article.slug}` });
        } catch (error) {
          outcomes.push({ id, outcome: messageOf(error), address: '' });
        }
      }
      console.log(
        isJson
          ? JSON.stringify(outcomes)
          : formatTable(
              ['id', 'outcome', 'address'],
              outcomes.map((row) => [row.id, row.outcome, row.address]),
            ),
      );
      const published = outcomes.filter((row) => row.outcome === 'published').length;
      if (published === outcomes.length) return exitCodes.done;
      return published === 0 ? exitCodes.failed : exitCodes.partial;
    });
  },
};
