import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import { AppError } from '#shared/errors';
import { withMigrationLock } from './migration-lock.ts';

export type Migration = { readonly name: string; readonly sql: string; readonly checksum: string };

export async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(path.join(folder, name), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/**
 * Applies what is missing, in order of name, each in a transaction of its own. Processes that start at once wait for
 * one another. Throws `migration_changed` when an applied file was edited afterwards.
 * @returns names of the migrations applied by this call
 */
export function migrate(url: string, folder: string): Promise<string[]> {
  return withMigrationLock(url, async (client) => {
    const migrations = await readMigrations(folder);
    await client.query(
      `create table if not exists schema_migrations (
         name text primary key, checksum text not null, applied_at timestamptz not null default now())`,
    );
    const applied = new Map<string, string>();
    for (const row of (await client.query('select name, checksum from schema_migrations')).rows) {
      applied.set(row.name, row.checksum);
    }
    const done: string[] = [];
    for (const migration of migrations) {
      const known = applied.get(migration.name);
      if (known === migration.checksum) continue;
      if (known !== undefined) {
        throw new AppError(
          'migration_changed',
          `The migration ${migration.name} was changed after it had been applied. Restore the file and add a new migration instead.`,
        );
      }
      await apply(client, migration);
      done.push(migration.name);
    }
    return done;
  });
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(migration.sql);
    await client.query('insert into schema_migrations (name, checksum) values ($1, $2)', [migration.name, migration.checksum]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw new AppError('migration_failed', `The migration ${migration.name} failed.`, { cause: error });
  }
}
