import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createWorkplace, type Engine, runCommand, startEngine, type Workplace } from '../support/engine.ts';
import { queryEngine } from '../support/engine-database.ts';
import { findPostmaster, listDescendants } from '../support/processes.ts';
import { waitFor } from '../support/wait-for.ts';

const observations = [
  'grows slowly on wood and stone, without any substrate at all',
  'takes hold within four weeks when it is tied down with cotton thread',
  'keeps its colour in low light, and needs no gas that is added to the water',
  'turns brown underneath where no light reaches the lower layers',
  'is trimmed every six weeks, so that water can pass through it',
  'gives young shrimp shelter and something to feed on',
];
const page = (name: string) =>
  `<!doctype html><html lang="en"><head><title>${name}</title></head><body><article><h1>${name}</h1>
   ${observations.map((observation) => `<p>In the tanks that we looked at, ${name} ${observation}.</p>`).join('')}</article></body></html>`;

describe('two at once on the same data folder', () => {
  let workplace: Workplace;
  let elsewhere: Workplace;
  before(async () => {
    workplace = await createWorkplace();
    elsewhere = await createWorkplace();
  });
  after(() => {
    for (const each of [workplace, elsewhere]) each.remove();
  });

  test('commands that find nothing there make one cluster, and the last one ends the database server', async () => {
    const results = await Promise.all([
      runCommand(workplace, ['keys', 'create', 'one', '--json']),
      runCommand(workplace, ['keys', 'create', 'two', '--json']),
      runCommand(workplace, ['migrate', '--json']),
    ]);
    for (const { code, stderr } of results) assert.equal(code, 0, stderr);
    await waitFor('the end of the database server', () => findPostmaster(workplace.dataDir) === undefined);
    const listed = await runCommand(workplace, ['keys', 'list', '--json']);
    for (const name of ['one', 'two']) assert.match(listed.stdout, new RegExp(`"${name}"`));
  });

  test('a second engine says who has the folder, exits with 2 and leaves the first one alone', async () => {
    const engine = startEngine(workplace, { SAMPLE: 'off' });
    try {
      await engine.ready;
      const before = listDescendants(engine.child.pid ?? 0).length;
      const second = startEngine({ ...elsewhere, dataDir: workplace.dataDir }, { SAMPLE: 'off' });
      assert.equal(await second.exited, 2, second.output());
      assert.match(second.output(), /Nothing was started/);
      assert.ok(
        second.output().includes(`runs already on the data folder ${workplace.dataDir} (process ${engine.child.pid})`),
        second.output(),
      );
      assert.equal((await fetch(`${engine.baseUrl}/health/ready`)).status, 200);
      assert.ok(listDescendants(engine.child.pid ?? 0).length >= before - 1);
    } finally {
      await engine.stop();
    }
  });

  describe('commands beside a running engine', () => {
    let engine: Engine;
    let folder: string;
    before(async () => {
      folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-twice-'));
      for (const name of ['Java moss', 'Anubias', 'Bucephalandra']) writeFileSync(path.join(folder, `${name}.html`), page(name));
      engine = startEngine(workplace, { SAMPLE: 'off' });
      await engine.ready;
    });
    after(async () => {
      await engine.stop();
      rmSync(folder, { recursive: true });
    });

    test('share its work and its database, and end without it', async () => {
      const results = await Promise.all([
        runCommand(workplace, ['ingest', folder, '--json']),
        runCommand(workplace, ['ingest', folder, '--json']),
        runCommand(workplace, ['doctor', '--json']),
      ]);
      for (const { code, stdout, stderr } of results) assert.equal(code, 0, stdout + stderr);
      const [row] = await queryEngine<{ pages: number; contents: number }>(
        workplace,
        'select count(*)::int as pages, count(distinct content_hash)::int as contents from raw_content',
      );
      assert.equal(row?.pages, row?.contents, 'no page is kept twice');
      assert.ok((row?.pages ?? 0) >= 3);
      assert.equal((await fetch(`${engine.baseUrl}/health/ready`)).status, 200);
    });

    test('one that outlives the engine keeps the database until it has ended', async () => {
      const command = runCommand(workplace, ['ingest', folder, '--json']);
      await waitFor('the command to be there', async () => {
        const guests = await queryEngine(workplace, `select 1 from pg_stat_activity where application_name = 'aquascene-command'`);
        return guests.length > 0;
      });
      assert.equal(await engine.stop(), 0);
      const { code, stderr } = await command;
      assert.equal(code, 0, stderr);
      await waitFor('the end of the database server', () => findPostmaster(workplace.dataDir) === undefined);
    });
  });
});
