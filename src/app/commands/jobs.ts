import { type CommandDefinition, exitCodes } from '../command-definition.ts';
import { ConfigError } from '../config.ts';
import { withEngine } from '../engine.ts';
import { formatTable } from '../table.ts';

const actions = ['list', 'queues', 'retry', 'dead-letters', 'redrive'];
const states = ['created', 'retry', 'active', 'completed', 'cancelled', 'failed'];

const isCount = (value: string) =>
  /^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= 1000 ? undefined : 'give a whole number from 1 to 1000';

export const jobsCommand: CommandDefinition = {
  name: 'jobs',
  summary: 'look at jobs, retry failed ones, redrive dead letters',
  arguments: [
    { name: 'action', description: actions.join(', ') },
    { name: 'target', description: 'retry: the id of a failed job; redrive: a kind of job (default: all)', isOptional: true },
  ],
  options: [
    { flags: '--name <job>', description: 'list: only this kind of job' },
    {
      flags: '--state <state>',
      description: `list: only this state (${states.join(', ')})`,
      check: (value) => (states.includes(value) ? undefined : `give one of ${states.join(', ')}`),
    },
    { flags: '--limit <count>', description: 'rows at the most (default 20)', check: isCount },
  ],
  takesJson: true,
  examples: ['jobs list --state failed', 'jobs retry 0199…', 'jobs dead-letters', 'jobs redrive deliver-batch'],
  async run({ config, logger, arguments: words, options, isJson }) {
    const [action = '', target] = words;
    if (!actions.includes(action)) throw new ConfigError([`"${action}": unknown action; jobs takes ${actions.join(', ')}.`]);
    if (action === 'retry' && target === undefined) throw new ConfigError(['jobs retry needs the id of a failed job.']);
    const limit = Number(options.limit ?? 20);
    return withEngine(config, logger, [], async ({ jobs }) => {
      if (action === 'retry') {
        await jobs.retry(target ?? '');
        print({ retried: target }, `The job ${target} waits to run again.`);
      } else if (action === 'redrive') {
        const moved = await jobs.redrive(target);
        print({ moved }, `${moved} dead letters went back to their queues.`);
      } else if (action === 'queues') {
        const queues = await jobs.queues();
        const rows = queues.map((queue) => [queue.name, ...[queue.queued, queue.active, queue.failed, queue.total].map(String)]);
        print(queues, formatTable(['job', 'waiting', 'running', 'failed', 'kept'], rows));
      } else {
        const found =
          action === 'dead-letters'
            ? await jobs.deadLetters(limit)
            : await jobs.list({
                limit,
                ...(typeof options.name === 'string' && { name: options.name }),
                ...(typeof options.state === 'string' && { state: options.state }),
              });
        const rows = found.map((job) => [
          job.id,
          job.sourceName ?? job.name,
          job.state,
          String(job.retryCount),
          job.createdAt.toISOString(),
          errorOf(job.output),
        ]);
        print(found, formatTable(['id', 'job', 'state', 'retries', 'created', 'error'], rows));
      }
      return exitCodes.done;
    });

    function print(value: unknown, text: string): void {
      console.log(isJson ? JSON.stringify(value) : text);
    }
  },
};

function errorOf(output: unknown): string {
  const message = typeof output === 'object' && output !== null && 'message' in output ? output.message : undefined;
  return typeof message === 'string' ? message : '';
}
