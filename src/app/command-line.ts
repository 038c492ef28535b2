import { Command, CommanderError, Help } from 'commander';
import { createLogger } from '#platform/telemetry';
import { AppError, messageOf } from '#shared/errors';
import { type CommandDefinition, exitCodes } from './command-definition.ts';
import { ConfigError, describeAccepted, loadConfig, loadEnvironment } from './config.ts';
import { type Variable, type VariableName, variables } from './variables.ts';
import { version } from './version.ts';

const commonFlags: readonly VariableName[] = ['DATA_DIR', 'DATABASE_URL', 'LOG_LEVEL', 'LOG_FORMAT'];

const camelOf = (flag: string) => flag.replace(/^--/, '').replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

function flagsOf(definition: CommandDefinition): { name: VariableName; variable: Variable; flag: string }[] {
  return [...(definition.configFlags ?? []), ...commonFlags].flatMap((name) => {
    const variable: Variable = variables[name];
    return variable.flag === undefined ? [] : [{ name, variable, flag: variable.flag }];
  });
}

/** Flags that nobody defined, words too many, and options whose own check fails. */
function findUsageFaults(definition: CommandDefinition, command: Command): string[] {
  const faults: string[] = [];
  const expected = definition.arguments ?? [];
  const accepted = command.options.map((option) => option.long ?? option.short).join(', ');
  const words = command.args.filter((word) => {
    if (!word.startsWith('-') || word === '-') return true;
    faults.push(`${word.split('=')[0]}: unknown flag; "${definition.name}" takes ${accepted}.`);
    return false;
  });
  const required = expected.filter((argument) => !argument.isOptional);
  for (const argument of required.slice(words.length)) faults.push(`<${argument.name}> is missing: ${argument.description}.`);
  if (words.length > expected.length && !expected.some((argument) => argument.isList) && faults.length === 0) {
    faults.push(`"${words.slice(expected.length).join(' ')}": not expected here; see aquascene ${definition.name} --help.`);
  }
  const values = command.opts<Record<string, string | boolean | undefined>>();
  for (const option of definition.options ?? []) {
    const flag = /--[\w-]+/.exec(option.flags)?.[0] ?? option.flags;
    const value = values[camelOf(flag)];
    const fault = typeof value === 'string' ? option.check?.(value) : undefined;
    if (fault !== undefined) faults.push(`${flag}: "${String(value)}" is not accepted; ${fault}.`);
  }
  return faults;
}

function addCommand(program: Command, definition: CommandDefinition, onExit: (code: number) => void): void {
  const command = program
    .command(definition.name)
    .summary(definition.summary)
    .description(definition.description ?? definition.summary)
    .allowUnknownOption()
    .allowExcessArguments();
  for (const argument of definition.arguments ?? []) {
    command.argument(`[${argument.name}${argument.isList ? '...' : ''}]`, argument.description);
  }
  for (const option of definition.options ?? []) command.option(option.flags, option.description);
  if (definition.takesJson) command.option('--json', 'answer as JSON, for scripts');
  for (const { variable, flag, name } of flagsOf(definition)) {
    command.option(`${flag} <value>`, `${variable.description} (${name}; ${describeAccepted(variable)})`);
  }
  if (definition.examples !== undefined) {
    command.addHelpText('after', `\nExamples:\n${definition.examples.map((line) => `  $ aquascene ${line}`).join('\n')}`);
  }
  command.action(async () => {
    const options = command.opts<Record<string, string | boolean | undefined>>();
    const environment: Record<string, string | undefined> = { ...loadEnvironment() };
    for (const { name, flag } of flagsOf(definition)) {
      const value = options[camelOf(flag)];
      if (typeof value === 'string') environment[name] = value;
    }
    const config = loadConfig(environment, findUsageFaults(definition, command));
    const isJson = options.json === true;
    // What a command answers goes to standard output; its log must not mix with it.
    const logger = createLogger({
      level: definition.name === 'start' ? config.log.level : 'warn',
      format: config.log.format,
      role: definition.name,
      destination: definition.name === 'start' ? 'stdout' : 'stderr',
    });
    onExit(
      await definition.run({
        config,
        environment,
        logger,
        arguments: command.args.filter((word) => !word.startsWith('-')),
        options,
        isJson,
      }),
    );
  });
}

const loaders: Readonly<Record<string, () => Promise<CommandDefinition>>> = {
  start: async () => (await import('./commands/start.ts')).startCommand,
  migrate: async () => (await import('./commands/migrate.ts')).migrateCommand,
  ingest: async () => (await import('./commands/ingest.ts')).ingestCommand,
  generate: async () => (await import('./commands/generate.ts')).generateCommand,
  publish: async () => (await import('./commands/publish.ts')).publishCommand,
  send: async () => (await import('./commands/send.ts')).sendCommand,
  import: async () => (await import('./commands/import.ts')).importCommand,
  jobs: async () => (await import('./commands/jobs.ts')).jobsCommand,
  keys: async () => (await import('./commands/keys.ts')).keysCommand,
  dkim: async () => (await import('./commands/dkim.ts')).dkimCommand,
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand,
};

/** Every command with the long flags that it takes. */
export async function commandDefinitions(): Promise<{ readonly name: string; readonly flags: readonly string[] }[]> {
  const definitions = await Promise.all(Object.values(loaders).map((load) => load()));
  return definitions.map((definition) => ({
    name: definition.name,
    flags: [
      ...(definition.options ?? []).flatMap(({ flags }) => /--[\w-]+/.exec(flags)?.[0] ?? []),
      ...flagsOf(definition).map(({ flag }) => flag),
      ...(definition.takesJson ? ['--json'] : []),
      '--help',
    ],
  }));
}

// Sockets to a server that answers nothing, not even a goodbye, would keep a process that is done.
const maxLingerMs = 3000;

/** @returns the exit code */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  try {
    return await parseAndRun(words);
  } finally {
    setTimeout(() => process.exit(), maxLingerMs).unref();
  }
}

async function parseAndRun(words: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = new Command('aquascene')
    .description('AquaScene Content Engine: from a web page to a delivered newsletter.')
    .version(version)
    .helpCommand('help [command]', 'show the help of a command')
    .configureHelp({ helpWidth: 110, subcommandTerm: (command) => new Help().subcommandTerm(command).replace(' [options]', '') })
    .addHelpText('after', '\nEvery setting has a variable too: docs/configuration.md, or `aquascene doctor`.')
    .exitOverride();
  // The command that is named is loaded alone: the others bring much that a process of one role never needs.
  const named = Object.entries(loaders).filter(([name]) => name === words[0]);
  for (const [, load] of named.length > 0 ? named : Object.entries(loaders)) {
    addCommand(program, await load(), (code) => void (exitCode = code));
  }
  for (const command of program.commands) command.exitOverride();

  try {
    if (words.length === 0) {
      program.outputHelp();
      return exitCodes.usage;
    }
    await program.parseAsync([...words], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return reportFailure(error);
  }
}

function reportFailure(error: unknown): number {
  if (error instanceof ConfigError) {
    console.error(`Nothing was started. ${error.faults.length === 1 ? 'One thing is' : `${error.faults.length} things are`} not right:`);
    for (const fault of error.faults) console.error(`  ${fault}`);
    return exitCodes.usage;
  }
  if (error instanceof AppError) {
    console.error(`${error.message}${error.cause === undefined ? '' : `\n  ${messageOf(error.cause)}`}`);
    for (const field of error.fields) console.error(`  ${field.path}: ${field.message}`);
    return exitCodes.failed;
  }
  console.error(error);
  return exitCodes.failed;
}
