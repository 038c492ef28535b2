import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { CreateMultipartUploadCommand, ListMultipartUploadsCommand, PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import { createMetrics } from '#platform/telemetry';
import { systemClock } from '#shared/clock';
import type { AppError } from '#shared/errors';
import { reasonToSkip } from '../../../../tests/support/programs.ts';
import { type S3Server, startS3, swift } from '../../../../tests/support/s3-server.ts';
import { startTcpProxy } from '../../../../tests/support/tcp-proxy.ts';
import { createStorage } from '../storage.ts';
import type { Storage } from '../storage-types.ts';
import { readAll } from '../testing/contract-samples.ts';
import { testStorageContract } from '../testing/storage-contract.ts';
import { createS3Storage, type S3StorageOptions } from './s3-storage.ts';

const text = { contentType: 'text/plain' };

suite('storage in a bucket of S3', { skip: reasonToSkip(swift) }, () => {
  let server: S3Server;
  let storage: Storage;
  const opened: Storage[] = [];
  const configOf = (): S3StorageOptions => {
    const { endpoint, region, credentials, bucket } = server;
    return { endpoint, region, credentials, bucket, isPathStyle: true };
  };
  function open(changes: Partial<S3StorageOptions>): Storage {
    const other = createS3Storage({ ...configOf(), maxAttempts: 1, ...changes });
    opened.push(other);
    return other;
  }
  before(async () => {
    server = await startS3();
    storage = createStorage({
      config: { kind: 's3', ...configOf() },
      publicUrl: 'http://127.0.0.1',
      secret: 'secret',
      clock: systemClock,
      metrics: createMetrics('test'),
    });
    opened.push(storage);
  });
  after(async () => {
    for (const each of opened) await each.close();
    await server.stop();
  });

  async function countUploads(): Promise<number> {
    const { Uploads = [] } = await server.client.send(new ListMultipartUploadsCommand({ Bucket: server.bucket }));
    return Uploads.length;
  }
  testStorageContract(() => ({ storage, countLeftovers: countUploads }));

  const isUnavailable = (isRetryable: boolean) => (error: AppError) =>
    error.code === 'storage_unavailable' && error.status === 503 && error.retryable === isRetryable;

  test('signed addresses let read and write what they were signed for', async () => {
    const key = 'signed/ä b 100%.txt';
    const put = await storage.signedUrl(key, { method: 'PUT', expiresInS: 60, contentType: 'text/plain' });
    const send = async (contentType: string) =>
      (await fetch(put, { method: 'PUT', body: 'content', headers: { 'content-type': contentType } })).status;
    assert.equal(await send('text/html'), 403);
    assert.equal(await storage.exists(key), false);
    assert.equal(await send('text/plain'), 200);
    const get = await storage.signedUrl(key, { method: 'GET', expiresInS: 60 });
    const answer = await fetch(get);
    assert.deepEqual([answer.headers.get('content-type'), await answer.text()], ['text/plain', 'content']);
    assert.equal((await fetch(get, { headers: { range: 'bytes=0-0' } })).status, 206);
    assert.equal((await fetch(get, { method: 'PUT', body: 'x' })).status, 403);
    assert.equal((await fetch(get.replace('.txt', '.png'))).status, 403);
    const elsewhere = open({ publicEndpoint: 'https://media.example.org' });
    assert.match(await elsewhere.signedUrl('a', { method: 'GET', expiresInS: 60 }), /^https:\/\/media\.example\.org\/media\/a\?/);
  });

  test('what others stored is read too', async () => {
    const Metadata = { note: '100% plain' };
    await server.client.send(new PutObjectCommand({ Bucket: server.bucket, Key: 'others/a', Body: 'x', Metadata }));
    const head = await storage.head('others/a');
    assert.equal(head.kind, 'found');
    assert.deepEqual([head.metadata, head.sha256], [Metadata, undefined]);
  });

  test('more objects than one request takes are removed', async () => {
    const small = createS3Storage(configOf(), { removedAtOnce: 2, copyBytes: 10 });
    opened.push(small);
    const keys = ['1', '2', '3', '4', '5'].map((name) => `batches/${name}`);
    await Promise.all(keys.map((key) => storage.put(key, Buffer.from('x'), text)));
    await small.removeMany(keys);
    assert.deepEqual((await storage.list({ prefix: 'batches/' })).items, []);
  });

  test('what is larger than one request copies is copied all the same', async () => {
    const small = createS3Storage(configOf(), { removedAtOnce: 2, copyBytes: 10 });
    opened.push(small);
    const content = randomBytes(1000);
    await storage.put('copies/large', content, { ...text, metadata: { title: 'ä' } });
    const copied = await small.copy('copies/large', 'copies/to');
    assert.equal(copied.kind, 'copied');
    assert.deepEqual(copied.metadata, { title: 'ä' });
    assert.deepEqual(await readAll(await storage.get('copies/to')), content);
  });

  test('uploads that killed processes left are taken back when they are old', async () => {
    const target = { Bucket: server.bucket, Key: 'abandoned/a' };
    const { UploadId } = await server.client.send(new CreateMultipartUploadCommand(target));
    await server.client.send(new UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body: 'half of it' }));
    assert.equal(await storage.removeAbandonedUploads(new Date(Date.now() - 3_600_000)), 0);
    assert.equal(await countUploads(), 1);
    assert.equal(await storage.removeAbandonedUploads(new Date(Date.now() + 3_600_000)), 1);
    assert.equal(await countUploads(), 0);
  });

  test('wrong credentials and a wrong bucket are told, and no time is lost by trying again', async () => {
    const strangers = open({ credentials: { accessKeyId: 'test:tester', secretAccessKey: 'guessed' }, maxAttempts: 3 });
    await assert.rejects(strangers.get('a'), isUnavailable(false));
    await assert.rejects(strangers.put('a', Buffer.from('x'), text), isUnavailable(false));
    const lost = open({ bucket: 'no-such-bucket' });
    await assert.rejects(lost.put('a', Buffer.from('x'), text), isUnavailable(false));
    await assert.rejects(lost.list(), isUnavailable(false));
    await assert.rejects(lost.check());
  });

  test('a server that is gone, or answers nothing, makes every call fail in time', async () => {
    const proxy = await startTcpProxy({ targetPort: server.port });
    const away = open({ endpoint: `http://127.0.0.1:${proxy.port}`, requestTimeoutMs: 300, maxAttempts: 2 });
    for (const mode of ['cut', 'silent'] as const) {
      proxy.set(mode);
      const calls = [
        away.put('a', Buffer.from('x'), text),
        away.get('a'),
        away.head('a'),
        away.list(),
        away.remove('a'),
        away.removeMany(['a']),
        away.copy('a', 'b'),
        away.check(),
      ];
      await Promise.all(calls.map((call) => assert.rejects(call, isUnavailable(true), mode)));
    }
    await proxy.close();
  });

  test('an object that is cut short on its way is a failure, not the end', async () => {
    const proxy = await startTcpProxy({ targetPort: server.port });
    const away = open({ endpoint: `http://127.0.0.1:${proxy.port}` });
    await storage.put('cut/large', randomBytes(8 << 20), text);
    const found = await away.get('cut/large');
    assert.equal(found.kind, 'found');
    let isCut = false;
    const reading = async () => {
      for await (const _ of found.body) {
        if (!isCut) proxy.set('cut');
        isCut = true;
      }
    };
    await assert.rejects(reading, isUnavailable(true));
    await proxy.close();
  });

  test('a server that falls silent in the middle of an object is not waited for without end', async () => {
    const proxy = await startTcpProxy({ targetPort: server.port });
    const away = open({ endpoint: `http://127.0.0.1:${proxy.port}`, silenceTimeoutMs: 2000 });
    const found = await away.get('cut/large');
    assert.equal(found.kind, 'found');
    const reading = async () => {
      for await (const _ of found.body) proxy.set('silent');
    };
    await assert.rejects(reading, isUnavailable(true));
    await proxy.close();
  });

  test('an upload that the server does not take to its end is taken back', async () => {
    const proxy = await startTcpProxy({ targetPort: server.port });
    const away = open({ endpoint: `http://127.0.0.1:${proxy.port}`, maxAttempts: 3 });
    proxy.cutAfter(12 << 20);
    await assert.rejects(away.put('cut/upload', randomBytes(20 << 20), text), isUnavailable(true));
    assert.equal(await storage.exists('cut/upload'), false);
    // Nor could it be told to take it back: that is for later.
    assert.ok((await storage.removeAbandonedUploads(new Date(Date.now() + 3_600_000))) <= 1);
    assert.equal(await countUploads(), 0);
    await proxy.close();
  });
});
