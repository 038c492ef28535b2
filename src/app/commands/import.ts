import { statSync } from 'node:fs';
import { type CommandDefinition, exitCodes } from '../command-definition.ts';
import { ConfigError } from '../config.ts';
import { withEngine } from '../engine.ts';
import { createProgress } from '../progress.ts';
import { formatTable } from '../table.ts';

const modes = ['update', 'skip', 'overwrite'] as const;
const isOneOf = (accepted: readonly string[]) => (value: string) =>
  accepted.includes(value) ? undefined : `give one of ${accepted.join(', ')}`;

/** `E-mail=email,Litres=custom:litres,Notes=` */
function mappingOf(text: string | boolean | undefined): Record<string, string | null> {
  if (typeof text !== 'string') return {};
  const pairs = text.split(',').map((pair) => pair.split('='));
  const faulty = pairs.find((pair) => pair.length !== 2 || pair[0]?.trim() === '');
  if (faulty !== undefined) throw new ConfigError([`--map: "${faulty.join('=')}" is no pair; give name=column, or name= to leave it out.`]);
  return Object.fromEntries(pairs.map(([name = '', column = '']) => [name.trim(), column.trim() || null]));
}

export const importCommand: CommandDefinition = {
  name: 'import',
  summary: 'import subscribers from a CSV or NDJSON file',
  description:
    'Imports only people who asked for the newsletter: it is recorded as your statement. Whoever left, bounced, complained or is ' +
    'suppressed is never brought back. Run again, the same file changes nothing. gzip is unpacked.',
  arguments: [{ name: 'file', description: 'CSV with a header line, or NDJSON (.ndjson, .jsonl)' }],
  options: [
    { flags: '--mode <mode>', description: `of addresses that are known: ${modes.join(', ')} (default update)`, check: isOneOf(modes) },
    { flags: '--map <pairs>', description: 'names of columns: "E-mail=email,Litres=custom:litres,Notes="' },
    { flags: '--dry-run', description: 'read and count everything, write nothing' },
    {
      flags: '--delimiter <character>',
      description: 'what parts the fields of CSV (default a comma)',
      check: isOneOf([',', ';', '|', '\t']),
    },
    { flags: '--encoding <name>', description: 'of the file (default utf-8), e.g. windows-1251' },
    { flags: '--source <text>', description: 'where the list comes from (default import)' },
  ],
  takesJson: true,
  examples: ['import readers.csv', 'import list.csv.gz --map "E-mail=email,Notes=" --dry-run'],
  async run({ config, logger, arguments: [file = ''], options, isJson }) {
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) throw new ConfigError([`"${file}": there is no such file.`]);
    const given = {
      format: /\.(ndjson|jsonl)(\.gz)?$/i.test(file) ? 'ndjson' : 'csv',
      mapping: mappingOf(options.map),
      isDryRun: options.dryRun === true,
      ...(typeof options.mode === 'string' && { mode: options.mode as (typeof modes)[number] }),
      ...(typeof options.delimiter === 'string' && { delimiter: options.delimiter }),
      ...(typeof options.encoding === 'string' && { encoding: options.encoding.toLowerCase() }),
      ...(typeof options.source === 'string' && { source: options.source }),
    } as const;
    return withEngine(config, logger, [], async ({ subscriberManager }) => {
      const progress = createProgress((text) => process.stderr.write(text), process.stderr.isTTY === true);
      const result = await progress.step('Importing', async (update) =>
        subscriberManager.importFile(file, given, 'command', (rows) => update(`${rows} rows`)),
      );
      if (isJson) console.log(JSON.stringify(result));
      else {
        const skipped = Object.entries(result.skipped).map(([reason, count]) => [`skipped: ${reason}`, String(count)]);
        const counts = (['created', 'updated', 'unchanged', 'faulty'] as const).map((name) => [name, String(result[name])]);
        console.log(formatTable([given.isDryRun ? 'would be' : 'subscribers', 'rows'], [...counts, ...skipped]));
        const faults = result.faults.slice(0, 20).map(({ line, field, message, value }) => [String(line), field ?? '', message, value]);
        if (faults.length > 0) console.log(formatTable(['line', 'column', 'fault', 'value'], faults));
      }
      return result.faulty > 0 ? exitCodes.partial : exitCodes.done;
    });
  },
};
