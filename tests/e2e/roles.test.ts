import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '#platform/database';
import { createLogger } from '#platform/telemetry';
import { createWorkplace, type Engine, runCommand, startEngine, type Workplace } from '../support/engine.ts';
import { waitFor } from '../support/wait-for.ts';

const html = (title: string, body: string) =>
  `<!doctype html><html lang="en"><head><title>${title}</title></head><body><article><h1>${title}</h1>${body}</article></body></html>`;
const mossPage = html(
  'Mosses for small tanks',
  `<p>Java moss grows on wood and stone without any substrate. Christmas moss forms small triangular fronds that overlap like roof tiles. A thin layer of moss tied with cotton thread takes hold within four weeks. Java moss grows well in low light and needs no added CO2. Young shrimp find biofilm and shelter between the fronds of java moss.</p>
   <p>Moss that grows too thick turns brown underneath, because no light reaches the lower layers. A trim every six weeks keeps moss dense and lets water pass through. Loose pieces of moss should be caught with a net, since each of them can grow on its own. Weeping moss hangs down from branches and looks best at the top of the wood.</p>`,
);

describe('roles of a cluster against one PostgreSQL', () => {
  const workplaces: Workplace[] = [];
  const processes: Engine[] = [];
  let dataDir: string;
  let database: EmbeddedPostgres;
  let apiKey: string;

  async function startRole(roles: string): Promise<Engine> {
    const workplace = await createWorkplace();
    workplaces.push(workplace);
    const role = startEngine(workplace, { DATABASE_URL: database.url }, ['start', '--role', roles]);
    processes.push(role);
    await waitFor(`the role ${roles}`, async () => {
      if (role.child.exitCode !== null) throw new Error(role.output());
      return fetch(`${role.baseUrl}/health/ready`).then(
        (response) => response.status === 200,
        () => false,
      );
    });
    return role;
  }
  const call = (engine: Engine, target: string, init: RequestInit = {}) =>
    fetch(`${engine.baseUrl}${target}`, {
      ...init,
      headers: { authorization: `Bearer ${apiKey}`, ...(init.headers as Record<string, string>) },
    });

  before(async () => {
    dataDir = mkdtempSync(path.join(os.tmpdir(), 'aquascene-cluster-'));
    database = await startEmbeddedPostgres({ dataDir, logger: createLogger({ level: 'fatal', format: 'json', role: 'test' }) });
    const workplace = await createWorkplace();
    workplaces.push(workplace);
    const created = await runCommand(workplace, ['keys', 'create', 'cluster', '--json'], { DATABASE_URL: database.url });
    apiKey = JSON.parse(created.stdout).key;
  });
  after(async () => {
    await Promise.all(processes.map((role) => role.stop()));
    await database.stop();
    rmSync(dataDir, { recursive: true, force: true });
    for (const workplace of workplaces) workplace.remove();
  });

  test('two API processes and the workers do one engine’s work together', async () => {
    // All at once: each of them brings the schema up to date, and only one may.
    const [first, second] = await Promise.all([
      startRole('api'),
      startRole('api'),
      startRole('web-scraper,ai-processor,scheduler'),
      startRole('content-manager,distributor,subscriber-manager,analytics'),
    ]);
    assert.ok(first && second);
    const [workplace] = workplaces;
    assert.ok(workplace);
    const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-pages-'));
    try {
      const { writeFileSync } = await import('node:fs');
      writeFileSync(path.join(folder, 'moss.html'), mossPage);
      const ingested = await runCommand(workplace, ['ingest', folder, '--json'], { DATABASE_URL: database.url });
      assert.equal(ingested.code, 0, ingested.stderr + ingested.stdout);
    } finally {
      rmSync(folder, { recursive: true });
    }

    const asked = await call(first, '/api/v1/content', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        title: 'A note by a person',
        summary: 'What one person wrote on one machine and another reads on a second.',
        contentType: 'news',
        language: 'en',
        sections: [{ heading: 'Here', paragraphs: [[{ text: 'Written by hand.', citations: [] }]] }],
      }),
    });
    assert.equal(asked.status, 201, await asked.clone().text());
    const { id } = (await asked.json()) as { id: string };
    assert.equal((await call(second, `/api/v1/content/${id}`)).status, 200);
    for (const verb of ['submit', 'approve'])
      assert.equal((await call(second, `/api/v1/content/${id}/${verb}`, { method: 'POST' })).status, 200, verb);
    const published = await call(first, `/api/v1/content/${id}/publish`, { method: 'POST' });
    assert.equal(published.status, 200, await published.clone().text());
    const { slug } = (await published.json()) as { slug: string };
    for (const api of [first, second]) assert.equal((await fetch(`${api.baseUrl}/articles/${slug}`)).status, 200);

    const generation = await call(second, '/api/v1/generation', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ title: 'Java moss', query: 'java moss wood low light trim', headings: [] }),
    });
    assert.equal(generation.status, 202, await generation.clone().text());
    const request = (await generation.json()) as { id: string };
    const finished = await waitFor('the generation', async () => {
      const state = (await (await call(first, `/api/v1/generation/${request.id}`)).json()) as { status: string; reason: string | null };
      return state.status !== 'queued' && state;
    });
    assert.ok(['written', 'declined'].includes(finished.status), JSON.stringify(finished));
  });

  test('a role says by its exit code that it stopped cleanly', async () => {
    const role = processes.at(-1);
    assert.ok(role);
    assert.equal(await role.stop(), 0);
  });
});
