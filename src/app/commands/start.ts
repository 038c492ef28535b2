import { type CommandDefinition, exitCodes } from '../command-definition.ts';
import { ConfigError } from '../config.ts';
import { findDkimFaults } from '../dkim-faults.ts';
import { isRole, type Role, roles } from '../roles.ts';

function parseRoles(text: string): Role[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter(isRole);
}

function checkRoles(text: string): string | undefined {
  const unknown = text.split(',').filter((name) => !isRole(name.trim()));
  return unknown.length === 0 ? undefined : `give one or more of ${roles.join(', ')}, comma-separated`;
}

export const startCommand: CommandDefinition = {
  name: 'start',
  summary: 'start the engine: everything on this machine, or some roles of a cluster',
  description:
    'Starts everything on this machine: the embedded database (unless DATABASE_URL is set), the site and the API, the jobs, the mailbox. ' +
    'With --role, only these roles run in this process, against the database that all roles share.',
  configFlags: ['PORT', 'HOST', 'MAILBOX_PORT', 'SAMPLE', 'SAMPLE_WEB_PORT'],
  options: [
    { flags: '--role <roles>', description: `run only these roles, comma-separated: ${roles.join(', ')}`, check: checkRoles },
    { flags: '--supervised', description: 'used by start itself for the processes that it keeps running' },
  ],
  examples: ['start', 'start --port 8080', 'start --role api --database-url postgresql://…'],
  async run({ config, environment, logger, options }) {
    const dkimFaults = await findDkimFaults(config);
    if (dkimFaults.length > 0) throw new ConfigError(dkimFaults);
    if (typeof options.role === 'string') {
      const { runRoles } = await import('../role-process.ts');
      await runRoles(config, parseRoles(options.role), options.supervised === true);
      return exitCodes.done;
    }
    if (options.supervised === true) throw new ConfigError(['--supervised: goes with --role only.']);
    const { runSupervisor } = await import('../supervisor.ts');
    await runSupervisor({ config, environment, logger });
    return exitCodes.done;
  },
};
