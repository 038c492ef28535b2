import { Socket } from 'node:net';
import pg from 'pg';
import type { Logger } from '#platform/telemetry';

/** True when the server answers anything at all within the time, on a connection made for this question. */
export async function isAnswering(config: pg.ClientConfig, timeoutMs: number, logger: Logger): Promise<boolean> {
  const socket = new Socket();
  const client = new pg.Client({ ...config, stream: () => socket, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs });
  client.on('error', (error) => logger.debug({ reason: error.message }, 'probe was cut off'));
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch (error) {
    // A refusal (too many connections, starting up) is an answer too.
    return error instanceof pg.DatabaseError;
  } finally {
    socket.destroy();
  }
}
