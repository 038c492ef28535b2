import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { request } from 'undici';
import { loadConfig } from '#app/config';
import { createContext } from '#app/context';
import { migrateAll } from '#app/database-server';
import { startEmbeddedPostgres } from '#platform/database';
import { createApiKey } from '#platform/http-server';
import { createLogger } from '#platform/telemetry';
import { findFreePort } from '../../tests/support/free-port.ts';
import { waitFor } from '../../tests/support/wait-for.ts';
import type { BenchResult } from '../bench.ts';
import { publishArticles } from '../support/articles.ts';
import { median, round } from '../support/figures.ts';
import { createRoles, isListening } from '../support/roles.ts';
import { type Load, load } from '../support/wrk.ts';

const rounds = 3;
const secondsEach = 4;
const warmUpSeconds = 3;
const connections = 32;
// Few enough that a request waits for the server and not for others.
const calmConnections = 4;

const bareScript = path.resolve(import.meta.dirname, '../peers/bare-fastify.ts');
// Written by the connection itself, for both.
const connectionHeaders = new Set(['connection', 'keep-alive', 'date', 'content-length', 'transfer-encoding']);

// The columns that the route reads, in one statement by the primary key.
const coldSql = `select c.id, c.slug, c.title, c.summary, c.meta_description as "metaDescription", c.content_type as "contentType", c.language,
  c.category, c.tags, c.body as sections, c.writer, c.generation_id as "generationId", c.status, c.status_reason as "statusReason", c.version,
  c.quality_score as "qualityScore", c.quality_checks as "qualityChecks", c.created_at as "createdAt", c.updated_at as "updatedAt",
  c.scheduled_at as "scheduledAt", c.published_at as "publishedAt",
  coalesce((select jsonb_agg(jsonb_build_object('ordinal', s.ordinal, 'quote', s.quote) order by s.ordinal)
    from content_citations s where s.content_id = c.id), '[]') as citations
  from generated_content c where c.id = $1::uuid`;

type Answer = { readonly headers: Record<string, string>; readonly body: Buffer };

async function get(url: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const answer = await request(url, { headers });
  const body = Buffer.from(await answer.body.arrayBuffer());
  if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}: ${body.toString().slice(0, 300)}`);
  const kept = Object.entries(answer.headers).filter(([name]) => !connectionHeaders.has(name));
  return { headers: Object.fromEntries(kept.map(([name, value]) => [name, String(value)])), body };
}

type Pair = { readonly ours: Load[]; readonly bare: Load[] };
type Side = { readonly url: string; readonly headers: Readonly<Record<string, string>> };

/** By turns, so that whatever else the machine does falls on both. */
async function compare(ours: Side, bare: Side, connectionCount: number): Promise<Pair> {
  const pair: Pair = { ours: [], bare: [] };
  for (const side of [ours, bare]) await load(side.url, { connections: connectionCount, seconds: warmUpSeconds, headers: side.headers });
  for (let index = 0; index < rounds; index += 1) {
    pair.ours.push(await load(ours.url, { connections: connectionCount, seconds: secondsEach, headers: ours.headers }));
    pair.bare.push(await load(bare.url, { connections: connectionCount, seconds: secondsEach, headers: bare.headers }));
  }
  const errors = [...pair.ours, ...pair.bare].reduce((sum, each) => sum + each.errors, 0);
  if (errors > 0) throw new Error(`${errors} requests failed: the figures would say nothing.`);
  return pair;
}

const rateOf = (loads: readonly Load[]): number => median(loads.map(({ requestsPerSecond }) => requestsPerSecond));
const ratioOf = ({ ours, bare }: Pair): number =>
  round(median(ours.map((each, i) => each.requestsPerSecond / (bare[i]?.requestsPerSecond ?? 1))));
const p99Of = (loads: readonly Load[]): number => median(loads.map(({ p99Ms }) => p99Ms));

/**
 * One process of the API against Fastify and the driver by themselves, each with a core, by turns: the page of an article that
 * stands in the memory of the process, and an article read from the database by its key.
 */
export async function run(): Promise<BenchResult> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-bench-'));
  chmodSync(folder, 0o755);
  const logger = createLogger({ level: 'warn', format: 'json', role: 'bench' });
  const postgres = await startEmbeddedPostgres({ dataDir: folder, logger });
  const port = await findFreePort();
  const barePort = await findFreePort();
  const environment = {
    DATABASE_URL: postgres.url,
    PORT: String(port),
    SAMPLE: 'off',
    LOG_LEVEL: 'warn',
    LOG_FORMAT: 'json',
    RATE_LIMITS: 'off',
  };
  const roles = createRoles(environment);
  try {
    await migrateAll(loadConfig(environment), postgres.url);
    const context = await createContext({ config: loadConfig(environment), databaseUrl: postgres.url, name: 'bench', isScheduler: false });
    const articles = await publishArticles(context, 8, 1200);
    const { key } = await createApiKey(context.database, context.clock, { name: 'bench', scopes: ['content:read'] });
    await context.close();
    const [article] = articles;
    if (article === undefined) throw new Error('No article was published.');

    roles.start('api');
    await waitFor('the API', () => isListening(port));
    const asBrowser = { 'accept-encoding': 'gzip, deflate, br' };
    const page: Side = { url: `http://127.0.0.1:${port}/articles/${article.slug}`, headers: asBrowser };
    const one: Side = { url: `http://127.0.0.1:${port}/api/v1/content/${article.id}`, headers: { authorization: `Bearer ${key}` } };
    const cachedAnswer = await get(page.url, page.headers);
    const coldAnswer = await get(one.url, one.headers);
    const settings = path.join(folder, 'bare.json');
    writeFileSync(
      settings,
      JSON.stringify({
        port: barePort,
        databaseUrl: postgres.url,
        cached: { headers: cachedAnswer.headers, bodyBase64: cachedAnswer.body.toString('base64') },
        cold: { sql: coldSql, id: article.id, headers: coldAnswer.headers },
      }),
    );
    roles.startScript(bareScript, [settings]);
    await waitFor('the bare server', () => isListening(barePort));
    const bareUrl = `http://127.0.0.1:${barePort}`;

    const cached = await compare(page, { url: `${bareUrl}/cached`, headers: asBrowser }, connections);
    const cold = await compare(one, { url: `${bareUrl}/cold`, headers: {} }, connections);
    const calmCached = await compare(page, { url: `${bareUrl}/cached`, headers: asBrowser }, calmConnections);
    const calmCold = await compare(one, { url: `${bareUrl}/cold`, headers: {} }, calmConnections);
    const ratios = { cached_to_bare: ratioOf(cached), cold_to_bare: ratioOf(cold) };
    const addedCached = round(p99Of(calmCached.ours) - p99Of(calmCached.bare));
    const addedCold = round(p99Of(calmCold.ours) - p99Of(calmCold.bare));
    return {
      bench: 'http',
      ratios,
      figures: {
        cached_bytes: cachedAnswer.body.length,
        cached_per_s: round(rateOf(cached.ours)),
        bare_cached_per_s: round(rateOf(cached.bare)),
        cold_bytes: coldAnswer.body.length,
        cold_per_s: round(rateOf(cold.ours)),
        bare_cold_per_s: round(rateOf(cold.bare)),
        cached_p99_ms: round(p99Of(calmCached.ours)),
        cold_p99_ms: round(p99Of(calmCold.ours)),
      },
      bars: [
        { name: 'an article from memory, to bare Fastify', want: '≥ 0.80', got: ratios.cached_to_bare, ok: ratios.cached_to_bare >= 0.8 },
        { name: 'a cold read, to bare Fastify and pg', want: '≥ 0.85', got: ratios.cold_to_bare, ok: ratios.cold_to_bare >= 0.85 },
        { name: 'added p99 from memory, ms', want: '≤ 1', got: addedCached, ok: addedCached <= 1 },
        { name: 'added p99 of a cold read, ms', want: '≤ 1', got: addedCold, ok: addedCold <= 1 },
      ],
    };
  } finally {
    await roles.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    if (!postgres.folder.startsWith(folder)) rmSync(path.dirname(postgres.folder), { recursive: true, force: true });
  }
}
