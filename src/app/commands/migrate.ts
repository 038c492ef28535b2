import { type CommandDefinition, exitCodes } from '../command-definition.ts';
import { migrateAll, openDatabaseServer } from '../database-server.ts';

export const migrateCommand: CommandDefinition = {
  name: 'migrate',
  summary: 'bring the database to the newest schema',
  takesJson: true,
  async run({ config, logger, isJson }) {
    const server = await openDatabaseServer(config, logger);
    try {
      const applied = await migrateAll(config, server.url);
      if (isJson) console.log(JSON.stringify({ applied }));
      else console.log(applied.length === 0 ? 'The schema is up to date.' : `Applied ${applied.join(', ')}.`);
      return exitCodes.done;
    } finally {
      await server.embedded?.stop();
    }
  },
};
