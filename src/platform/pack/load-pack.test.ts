import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { loadPack } from './load-pack.ts';

const aquascaping = path.resolve(import.meta.dirname, '../../../packs/aquascaping');

async function withCopy(change: (folder: string) => Promise<void>, check: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'pack-'));
  try {
    for (const part of ['knowledge', 'voice.yaml', 'taxonomy.yaml', 'topics.yaml']) {
      await cp(path.join(aquascaping, part), path.join(folder, part), { recursive: true });
    }
    await change(folder);
    await check(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('the aquascaping pack holds what an editorial team starts with', async () => {
  const { knowledge, topics, name } = await loadPack(aquascaping);
  assert.equal(name, 'aquascaping');
  assert.ok(knowledge.plants.length >= 40 && knowledge.animals.length >= 20 && knowledge.equipment.length >= 15);
  assert.ok(knowledge.techniques.length >= 15 && knowledge.problems.length >= 20 && topics.length >= 10);
});

test('every fault is named at once with its file and place', () =>
  withCopy(
    async (folder) => {
      const plants = path.join(folder, 'knowledge/plants.yaml');
      await writeFile(plants, (await readFile(plants, 'utf8')).replace('co2: not_required', 'co2: perhaps'));
      const topics = path.join(folder, 'topics.yaml');
      await writeFile(topics, (await readFile(topics, 'utf8')).replace('content_type: list', 'content_type: poem'));
    },
    async (folder) => {
      await assert.rejects(loadPack(folder), (error: Error) => {
        assert.match(error.message, /knowledge\/plants\.yaml at \/0\/co2: .*not_required, beneficial, required/);
        assert.match(error.message, /topics\.yaml at \/0\/content_type/);
        return true;
      });
    },
  ));

test('a topic in a category that does not exist is named', () =>
  withCopy(
    async (folder) => {
      const topics = path.join(folder, 'topics.yaml');
      await writeFile(topics, (await readFile(topics, 'utf8')).replace('category: plants', 'category: cars'));
    },
    (folder) => assert.rejects(loadPack(folder), /there is no category "cars"/),
  ));

test('a missing file is named', () =>
  withCopy(
    (folder) => rm(path.join(folder, 'voice.yaml')),
    (folder) => assert.rejects(loadPack(folder), /voice\.yaml: ENOENT/),
  ));
