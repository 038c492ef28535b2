import pg from 'pg';
import { AppError, messageOf } from '#shared/errors';

const minServerVersion = 160_000;
const connectTimeoutMs = 10_000;

function addressOf(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port === '' ? '5432' : port}${pathname}`;
}

/**
 * Makes sure that there is a PostgreSQL which can be used, before anything is built on it.
 * @throws AppError `database_unreachable`, `database_refused` or `database_too_old`, in words for whoever gave the address
 */
export async function checkDatabaseServer(url: string): Promise<void> {
  const where = `The database at ${addressOf(url)} (DATABASE_URL)`;
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: connectTimeoutMs, query_timeout: connectTimeoutMs });
  let isAnswered = false;
  try {
    await client.connect();
    const { rows } = await client.query(
      `select current_setting('server_version_num')::int as number, current_setting('server_version') as name`,
    );
    isAnswered = true;
    if (rows[0].number < minServerVersion) {
      throw new AppError('database_too_old', `${where} is PostgreSQL ${rows[0].name}; 16 or newer is needed.`);
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (error instanceof pg.DatabaseError)
      throw new AppError('database_refused', `${where} refuses: ${error.message}.`, { retryable: true });
    const reason = messageOf(error) === 'timeout expired' ? `no answer within ${connectTimeoutMs / 1000} s` : messageOf(error);
    throw new AppError('database_unreachable', `${where} cannot be reached: ${reason}.`, { retryable: true });
  } finally {
    // A silent server answers no goodbye.
    if (isAnswered) await client.end();
    else void client.end();
  }
}
