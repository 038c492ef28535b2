import assert from 'node:assert/strict';
import { link, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, suite, test } from 'node:test';
import { createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import type { AppError } from '#shared/errors';
import { mountSmallDisk } from '../../../../tests/support/small-disk.ts';
import { createStorage } from '../storage.ts';
import type { Storage } from '../storage-types.ts';
import { readAll } from '../testing/contract-samples.ts';
import { testStorageContract } from '../testing/storage-contract.ts';

const text = { contentType: 'text/plain' };

const openStorage = (folder: string) =>
  createStorage({
    config: { kind: 'folder', folder },
    publicUrl: 'http://127.0.0.1',
    secret: 'secret',
    clock: systemClock,
    metrics: createMetrics('test'),
  });

suite('storage in a folder', () => {
  let folder = '';
  let storage: Storage;
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'aquascene-storage-'));
    storage = openStorage(folder);
  });
  after(async () => {
    await storage.close();
    await rm(folder, { recursive: true });
  });
  const objects = () => path.join(folder, 'objects');
  const listUploads = () => readdir(path.join(folder, 'uploads'));
  async function listKeys(prefix: string): Promise<string[]> {
    return (await storage.list({ prefix })).items.map(({ key }) => key);
  }

  testStorageContract(() => ({ storage, countLeftovers: async () => (await listUploads()).length }));

  test('a long folder is listed page by page, in order', async () => {
    await storage.put('many/0', Buffer.from('x'), text);
    const first = path.join(objects(), 'd~many', 'o~0');
    const count = 3500;
    const keys = Array.from({ length: count }, (_, n) => `many/${n}`).sort();
    await Promise.all(
      keys.filter((key) => key !== 'many/0').map((key) => link(first, path.join(objects(), 'd~many', `o~${key.slice(5)}`))),
    );
    const found: string[] = [];
    let after: string | undefined;
    do {
      const page: Awaited<ReturnType<Storage['list']>> = await storage.list({ prefix: 'many/', ...(after !== undefined && { after }) });
      found.push(...page.items.map(({ key }) => key));
      after = page.next;
    } while (after !== undefined);
    assert.deepEqual(found, keys);
    await rm(path.join(objects(), 'd~many'), { recursive: true });
  });

  test('no folder stays behind where the last object of it went, and none is missing where one is being written', async () => {
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        for (let round = 0; round < 10; round += 1) {
          await storage.put(`busy/a/b/${n}`, Buffer.from('x'), text);
          await storage.remove(`busy/a/b/${n}`);
        }
      }),
    );
    assert.ok(!(await readdir(objects())).includes('d~busy'));
  });

  test('what else lies in the folder is no object', async () => {
    await storage.put('foreign/mine', Buffer.from('x'), text);
    const place = path.join(objects(), 'd~foreign');
    await mkdir(path.join(place, 'd~%4'));
    for (const name of ['.DS_Store', 'o~Upper', 'o~%zz', 'o~a%2F', 'notes.txt', 'c~short~']) await writeFile(path.join(place, name), 'x');
    assert.deepEqual(await listKeys('foreign/'), ['foreign/mine']);
  });

  test('a symbolic link leads to nothing that lies elsewhere', async () => {
    const elsewhere = await mkdtemp(path.join(os.tmpdir(), 'aquascene-elsewhere-'));
    await storage.put('real/secret', Buffer.from('secret'), text);
    await writeFile(path.join(elsewhere, 'o~secret'), await readFile(path.join(objects(), 'd~real', 'o~secret')));
    await symlink(elsewhere, path.join(objects(), 'd~linked'));
    await mkdir(path.join(objects(), 'd~other'));
    await symlink(path.join(elsewhere, 'o~secret'), path.join(objects(), 'd~other', 'o~secret'));
    const refused = (error: AppError) => error.code === 'storage_unavailable' && !error.retryable;
    for (const call of [
      () => storage.get('linked/secret'),
      () => storage.head('linked/secret'),
      () => storage.put('linked/new', Buffer.from('x'), text),
      () => storage.remove('linked/secret'),
      () => storage.get('other/secret'),
    ]) {
      await assert.rejects(call, refused);
    }
    await assert.rejects(listKeys('linked/'), refused);
    for (const prefix of ['linked', 'other/']) assert.deepEqual(await listKeys(prefix), []);
    assert.deepEqual(await readdir(elsewhere), ['o~secret']);
    // Under the link's own name: it is replaced, and not what it leads to.
    await storage.put('other/secret', Buffer.from('other'), text);
    assert.equal((await readAll(await storage.get('other/secret'))).toString(), 'other');
    await rm(elsewhere, { recursive: true });
  });

  test('a damaged file is a failure, not an object', async () => {
    await storage.put('damaged/a', Buffer.from('content'), text);
    const file = path.join(objects(), 'd~damaged', 'o~a');
    const whole = await readFile(file);
    for (const damaged of [whole.subarray(0, -1), whole.subarray(1), Buffer.alloc(0), Buffer.from('AQS1'), Buffer.alloc(100)]) {
      await writeFile(file, damaged);
      await assert.rejects(storage.get('damaged/a'), (error: AppError) => error.code === 'storage_unavailable' && !error.retryable);
    }
    await storage.remove('damaged/a');
  });

  test('what killed processes left is removed when it is old, and no upload that goes on', async () => {
    const left = path.join(folder, 'uploads', 'left');
    await writeFile(left, 'half of');
    await utimes(left, new Date(1000), new Date(1000));
    const slow = new Readable({ read: () => undefined });
    const going = storage.put('uploads/going', slow, text);
    slow.push('content');
    const before = new Date(Date.now() - 3_600_000);
    assert.equal(await storage.removeAbandonedUploads(before), 1);
    assert.equal(await storage.removeAbandonedUploads(before), 0);
    slow.push(null);
    await going;
    assert.equal((await readAll(await storage.get('uploads/going'))).toString(), 'content');
  });
});

test('where no folder can be made nothing is stored, and it is tried again', async () => {
  const place = await mkdtemp(path.join(os.tmpdir(), 'aquascene-storage-'));
  const folder = path.join(place, 'storage');
  await writeFile(folder, 'in the way');
  const storage = openStorage(folder);
  const isDown = (error: AppError) => error.code === 'storage_unavailable' && error.status === 503;
  await assert.rejects(storage.check(), isDown);
  await assert.rejects(storage.put('a', Buffer.from('x'), text), (error: AppError) => isDown(error) && !error.message.includes(place));
  await rm(folder);
  await storage.check();
  await storage.put('a', Buffer.from('x'), text);
  await rm(place, { recursive: true });
});

test('a full disk is told, leaves nothing of the upload, and what was there', async (t) => {
  const disk = mountSmallDisk(4);
  if (disk === undefined) return t.skip('this user may not mount a disk');
  try {
    const storage = openStorage(path.join(disk.folder, 'storage'));
    await storage.put('a', Buffer.from('kept'), text);
    const large = Buffer.alloc(6 << 20, 'x');
    for (const body of [large, Readable.from([large])]) {
      await assert.rejects(storage.put('a', body, text), (error: AppError) => error.code === 'storage_full' && error.retryable);
    }
    assert.deepEqual(await readdir(path.join(disk.folder, 'storage', 'uploads')), []);
    assert.equal((await readAll(await storage.get('a'))).toString(), 'kept');
    await storage.put('b', Buffer.alloc(1 << 20), text);
  } finally {
    disk.remove();
  }
});
