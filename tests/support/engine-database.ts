import { readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import type { Workplace } from './engine.ts';

/** A look into the embedded database of an engine under test, past everything that the engine says of itself. */
export async function queryEngine<R extends object>(workplace: Workplace, text: string): Promise<R[]> {
  const password = readFileSync(path.join(workplace.dataDir, 'postgres-password'), 'utf8').trim();
  const port = readFileSync(path.join(workplace.dataDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[3];
  const client = new pg.Client({ connectionString: `postgresql://aquascene:${password}@127.0.0.1:${port}/aquascene` });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** The count in the first row; undefined while the database or the table is not there yet. */
export async function countInEngine(workplace: Workplace, text: string): Promise<number | undefined> {
  try {
    const [row] = await queryEngine<{ count: string }>(workplace, text);
    return Number(row?.count ?? 0);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    // Not started, not migrated, starting up, or cut off: the fact is not there yet.
    if (/^(ENOENT|ECONNREFUSED|ECONNRESET|42P01|3D000|57P0\d)$/.test(code)) return undefined;
    throw error;
  }
}
