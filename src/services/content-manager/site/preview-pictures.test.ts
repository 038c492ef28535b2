import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { type Compute, createCompute } from '#platform/compute';
import { createLogger, createMetrics } from '#platform/telemetry';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { composeArtwork, renderPng } from './artwork/index.ts';
import { createPreviewPictures, type PreviewDependencies } from './preview-pictures.ts';
import { createTestStorage, type TestStorage } from './testing/test-storage.ts';

const metrics = createMetrics('test');
const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });
let compute: Compute;
let stored: TestStorage;

before(async () => {
  compute = createCompute({ metrics, maxThreads: 2 });
  stored = await createTestStorage();
});
after(async () => {
  await compute.close();
  await stored.close();
});

const open = (storage: PreviewDependencies['storage'] = stored.reopen()) => createPreviewPictures({ compute, storage, logger });
const keys = async () => (await stored.storage.list({ prefix: 'previews/' })).items.map(({ key }) => key);
const countPainted = async () =>
  Number(/tasks_total\{worker="preview-worker.ts",outcome="done"[^}]*\} (\d+)/.exec(await metrics.text())?.[1] ?? 0);

/** How many pictures were painted meanwhile. */
async function paintedBy(work: () => Promise<unknown>): Promise<number> {
  const before = await countPainted();
  await work();
  return (await countPainted()) - before;
}

test('a picture that was painted once comes from storage after a restart, the same to the byte', async () => {
  const first = await open().get('plants', 'java-moss');
  assert.ok(first.equals(renderPng(composeArtwork('preview', 'plants', 'java-moss'))));
  await waitFor('the picture to be stored', async () => (await keys()).length === 1);
  const [key = ''] = await keys();
  const info = await stored.storage.head(key);
  assert.ok(info.kind === 'found' && info.contentType === 'image/png' && info.sizeBytes === first.length);
  const count = await paintedBy(async () => {
    const second = await open().get('plants', 'java-moss');
    assert.ok(second.equals(first));
  });
  assert.equal(count, 0);
});

test('requests for one picture at once paint it once; another category or slug is another picture', async () => {
  const pictures = open();
  const names = [
    ['plants', 'fern'],
    ['plants', 'fern'],
    ['plants', 'fern'],
    ['algae-and-problems', 'fern'],
    ['plants', 'fern/../../x'.repeat(40)],
  ] as const;
  const stand = (await keys()).length;
  let found: Buffer[] = [];
  const count = await paintedBy(async () => {
    found = await Promise.all(names.map(([category, slug]) => pictures.get(category, slug)));
  });
  assert.equal(count, 3);
  assert.equal(new Set(found.map((picture) => picture.toString('base64'))).size, 3);
  await waitFor('the pictures to be stored', async () => (await keys()).length === stand + 3);
});

test('storage that cannot be read or written fails no picture, and it is said once', async () => {
  const broken = await createTestStorage({ fails: true });
  const lines: string[] = [];
  const listening = pino({ level: 'warn' }, { write: (line) => lines.push(line) });
  const pictures = createPreviewPictures({ compute, storage: broken.storage, logger: listening });
  for (let index = 0; index < 5; index++) {
    const picture = await pictures.get('plants', `moss-${index}`);
    assert.deepEqual([picture.readUInt32BE(16), picture.readUInt32BE(20)], [1200, 630]);
  }
  await waitFor('both failures to be logged', () => lines.length >= 2);
  const said = lines.map((line) => (JSON.parse(line) as { msg: string }).msg).sort();
  assert.match(said.join('\n'), /^Object storage, to read previews cannot.*\nObject storage, to write previews cannot[^\n]*$/);
  await broken.close();
});

test('storage that is full fails no picture', async () => {
  const full = {
    get: stored.storage.get,
    put: (key: string, body: Uint8Array) => stored.storage.put(key, body, { contentType: 'image/png', maxBytes: 1 }),
  } as PreviewDependencies['storage'];
  const stand = await keys();
  const pictures = open(full);
  assert.equal((await pictures.get('plants', 'no-room')).readUInt32BE(16), 1200);
  assert.deepEqual(await keys(), stand);
});

test('a picture that could not be painted is tried again', async () => {
  const ended = createCompute({ metrics: createMetrics('other'), maxThreads: 1 });
  await ended.close();
  let current: Compute = ended;
  const switching: PreviewDependencies['compute'] = { run: (worker, input, options) => current.run(worker, input, options) };
  const pictures = createPreviewPictures({ compute: switching, storage: stored.reopen(), logger });
  await assert.rejects(pictures.get('plants', 'later'), { code: 'compute_closed' });
  current = compute;
  assert.equal((await pictures.get('plants', 'later')).readUInt32BE(16), 1200);
});
