import pg from 'pg';
import { AppError, messageOf } from '#shared/errors';
import type { SessionSettings } from './connection-settings.ts';
import { withMigrationLock } from './migration-lock.ts';

type Parameter = { readonly name: string; readonly value: string /** In the unit that pg_settings counts in. */; readonly shown: string };

function parametersOf(settings: SessionSettings): readonly Parameter[] {
  const inMs = (name: string, ms: number) => ({ name, value: `${ms}ms`, shown: String(ms) });
  const jit = settings.isJitOn ? 'on' : 'off';
  return [
    inMs('statement_timeout', settings.statementTimeoutMs),
    inMs('lock_timeout', settings.lockTimeoutMs),
    inMs('idle_in_transaction_session_timeout', settings.idleInTransactionTimeoutMs),
    { name: 'work_mem', value: `${settings.workMemMb}MB`, shown: String(settings.workMemMb * 1024) },
    { name: 'jit', value: jit, shown: jit },
  ];
}

/** As the start-up packet of a connection carries them. */
export const startupOptionsOf = (settings: SessionSettings): string =>
  parametersOf(settings)
    .map(({ name, value }) => `-c ${name}=${value}`)
    .join(' ');

/**
 * Makes the settings those of the role that signs in, in this database: they then hold for each new session of it, on
 * replicas too, whatever a pooler in between passes on. For `DATABASE_POOLER=pgbouncer` only, in which case the pooler has
 * to sign in as the same role.
 * @param url of the server itself, not of the pooler
 * @throws AppError `settings_refused` when the role may not change its own settings
 */
export async function storeSessionSettings(url: string, settings: SessionSettings): Promise<void> {
  await withMigrationLock(url, async (client) => {
    const stored = await readStored(client);
    for (const { name, value } of parametersOf(settings)) {
      if (stored.has(`${name}=${value}`)) continue;
      try {
        const database = pg.escapeIdentifier(await currentDatabase(client));
        await client.query(`alter role current_user in database ${database} set ${name} = ${pg.escapeLiteral(value)}`);
      } catch (cause) {
        throw new AppError(
          'settings_refused',
          `The database does not let its user store the setting ${name} = ${value}: ${messageOf(cause)}. Behind PgBouncer it holds only if it is stored.`,
          { cause },
        );
      }
    }
  });
}

async function currentDatabase(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>('select current_database() as name');
  return rows[0]?.name ?? '';
}

async function readStored(client: pg.Client): Promise<Set<string>> {
  const { rows } = await client.query<{ setting: string }>(
    `select unnest(setconfig) as setting from pg_db_role_setting
     where setdatabase = (select oid from pg_database where datname = current_database())
       and setrole = (select oid from pg_roles where rolname = current_user)`,
  );
  return new Set(rows.map(({ setting }) => setting));
}

/** What of the settings does not hold on this connection, as `name = value`. */
export async function findSettingsThatDoNotHold(client: pg.ClientBase, settings: SessionSettings): Promise<string[]> {
  const wanted = parametersOf(settings);
  const { rows } = await client.query<{ name: string; setting: string }>(
    'select name, setting from pg_settings where name = any($1::text[])',
    [wanted.map(({ name }) => name)],
  );
  const held = new Map(rows.map(({ name, setting }) => [name, setting]));
  return wanted.filter(({ name, shown }) => held.get(name) !== shown).map(({ name, value }) => `${name} = ${value}`);
}
