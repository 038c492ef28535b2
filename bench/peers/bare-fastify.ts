/**
 * What Fastify and the PostgreSQL driver do by themselves: `/cached` sends the bytes and headers of an answer that was kept,
 * `/cold` reads one row by its key and sends it as JSON.
 *
 * `node bare-fastify.ts FILE` with `{ port, databaseUrl, cached: { headers, bodyBase64 }, cold: { sql, id, headers } }`
 */
import { readFileSync } from 'node:fs';
import Fastify from 'fastify';
import pg from 'pg';

type Settings = {
  readonly port: number;
  readonly databaseUrl: string;
  readonly cached: { readonly headers: Record<string, string>; readonly bodyBase64: string };
  readonly cold: { readonly sql: string; readonly id: string; readonly headers: Record<string, string> };
};

const settings: Settings = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const body = Buffer.from(settings.cached.bodyBase64, 'base64');
const pool = new pg.Pool({ connectionString: settings.databaseUrl, max: 15 });
const app = Fastify();
app.get('/cached', (_request, reply) => reply.headers(settings.cached.headers).send(body));
app.get('/cold', async (_request, reply) => {
  const { rows } = await pool.query(settings.cold.sql, [settings.cold.id]);
  return reply.headers(settings.cold.headers).send(rows[0]);
});
await app.listen({ port: settings.port, host: '127.0.0.1' });
process.once('SIGTERM', () => void app.close().then(() => pool.end()));
