import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import { createStorage } from './storage.ts';

test('operations are counted by their outcome, and the bytes that went in and out', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'aquascene-storage-'));
  const metrics = createMetrics('test');
  const storage = createStorage({ config: { kind: 'folder', folder }, publicUrl: 'http://x', secret: 'x', clock: systemClock, metrics });
  const text = { contentType: 'text/plain' };
  await storage.put('a', Buffer.from('0123456789'), text);
  await assert.rejects(storage.put('a', Buffer.from('0123456789'), { ...text, maxBytes: 5 }));
  await assert.rejects(storage.put('a', Buffer.from('x'), { ...text, signal: AbortSignal.abort() }));
  await storage.head('b');
  for (const range of [undefined, { start: 8 }]) {
    const found = await storage.get('a', { ...(range && { range }) });
    assert.equal(found.kind, 'found');
    await buffer(found.body);
  }
  const figures = await metrics.text();
  const value = (name: string, ...labels: string[]) =>
    figures
      .split('\n')
      .find((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
      ?.split(' ')
      .at(-1);
  const operations = (...labels: string[]) => value('aquascene_storage_operations_total', 'driver="folder"', ...labels);
  assert.equal(operations('operation="put"', 'outcome="done"'), '1');
  assert.equal(operations('operation="put"', 'outcome="object_too_large"'), '1');
  assert.equal(operations('operation="put"', 'outcome="aborted"'), '1');
  assert.equal(operations('operation="head"', 'outcome="missing"'), '1');
  assert.equal(operations('operation="get"', 'outcome="done"'), '2');
  assert.equal(value('aquascene_storage_bytes_total', 'direction="written"'), '10');
  assert.equal(value('aquascene_storage_bytes_total', 'direction="read"'), '12');
  assert.equal(value('aquascene_storage_operation_seconds_count', 'operation="put"'), '3');
  await storage.close();
  await rm(folder, { recursive: true });
});
