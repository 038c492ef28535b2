import { checkScopes, createApiKey, listApiKeys, revokeApiKey, scopes } from '#platform/http-server';
import { type CommandDefinition, exitCodes } from '../command-definition.ts';
import { ConfigError } from '../config.ts';
import { withEngine } from '../engine.ts';
import { formatTable } from '../table.ts';

export const keysCommand: CommandDefinition = {
  name: 'keys',
  summary: 'list, create and revoke API keys',
  description: `List, create and revoke API keys. Scopes: ${scopes.join(', ')}.`,
  arguments: [
    { name: 'action', description: 'list, create or revoke' },
    { name: 'target', description: 'the name of a new key, or the id of one to revoke', isOptional: true },
  ],
  options: [{ flags: '--scopes <list>', description: 'scopes of a new key, comma-separated (default: *)' }],
  takesJson: true,
  examples: ['keys list', 'keys create "Editor" --scopes content:read,content:write', 'keys revoke 0199…'],
  async run({ config, logger, arguments: words, options, isJson }) {
    const [action, target] = words;
    if (!['list', 'create', 'revoke'].includes(action ?? '')) {
      throw new ConfigError([`"${action}": unknown action; keys takes list, create and revoke.`]);
    }
    if (action !== 'list' && target === undefined) {
      throw new ConfigError([`keys ${action} needs ${action === 'create' ? 'a name for the key' : 'the id of the key'}.`]);
    }
    return withEngine(config, logger, [], async ({ database, caches, clock }) => {
      if (action === 'list') {
        const keys = await listApiKeys(database);
        if (isJson) console.log(JSON.stringify(keys));
        else {
          const rows = keys.map((key) => [
            key.id,
            key.name,
            `${key.prefix}…`,
            key.scopes.join(' '),
            key.lastUsedAt?.toISOString() ?? 'never used',
            key.revokedAt === null ? 'active' : 'revoked',
          ]);
          console.log(formatTable(['id', 'name', 'key', 'scopes', 'last used', 'state'], rows));
        }
      } else if (action === 'create') {
        const chosen = checkScopes(typeof options.scopes === 'string' ? options.scopes.split(',').map((s) => s.trim()) : ['*']);
        const { key, apiKey } = await createApiKey(database, clock, { name: target ?? '', scopes: chosen });
        if (isJson) console.log(JSON.stringify({ ...apiKey, key }));
        else console.log(`${key}\nShown this once only: the database keeps its hash.`);
      } else {
        const apiKey = await revokeApiKey({ database, caches, clock }, target ?? '');
        if (isJson) console.log(JSON.stringify(apiKey));
        else console.log(`Revoked ${apiKey.name} (${apiKey.prefix}…).`);
      }
      return exitCodes.done;
    });
  },
};
