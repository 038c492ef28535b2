import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PutOptions } from '../storage-types.ts';
import { brokenStream, type ContractPlace, hasCode, large, readAll, sha256Of, streamOf, text } from './contract-samples.ts';

export function testFailedUploads(place: () => ContractPlace): void {
  const storage = () => place().storage;
  const kept = Buffer.from('what was there');
  async function assertKept(key: string): Promise<void> {
    assert.deepEqual(await readAll(await storage().get(key)), kept);
    assert.equal(await place().countLeftovers(), 0);
  }

  for (const [size, content] of [
    ['small', Buffer.from('some')],
    ['large', large],
  ] as const) {
    test(`of a ${size} upload whose source fails nothing remains`, async () => {
      const failure = new Error('the source is gone');
      await storage().put('failed/source', kept, text);
      await assert.rejects(
        storage().put(
          'failed/source',
          brokenStream(content, (stream) => stream.destroy(failure)),
          text,
        ),
        failure,
      );
      await assertKept('failed/source');
    });

    test(`of a ${size} upload that is aborted nothing remains`, async () => {
      const controller = new AbortController();
      const reason = new Error('no longer wanted');
      // Everything that there is was taken, and the rest is waited for.
      const body = brokenStream(content, () => setImmediate(() => controller.abort(reason)));
      await storage().put('failed/aborted', kept, text);
      const put = storage().put('failed/aborted', body, { ...text, signal: controller.signal });
      await assert.rejects(put, reason);
      assert.ok(body.destroyed);
      await assertKept('failed/aborted');
    });

    test(`a ${size} upload that is too large is refused, and ended`, async () => {
      const maxBytes = content.length;
      await storage().put('failed/size', kept, text);
      const tooLarge = Buffer.concat([content, Buffer.from('!')]);
      const body = streamOf(tooLarge);
      await assert.rejects(storage().put('failed/size', body, { ...text, maxBytes }), hasCode('object_too_large'));
      assert.ok(body.destroyed);
      await assert.rejects(storage().put('failed/size', tooLarge, { ...text, maxBytes }), hasCode('object_too_large'));
      await assertKept('failed/size');
      const { sizeBytes } = await storage().put('failed/just', streamOf(content), { ...text, maxBytes });
      assert.equal(sizeBytes, maxBytes);
    });

    test(`a ${size} upload with another checksum than was given is refused`, async () => {
      await storage().put('failed/sum', kept, text);
      const options = { ...text, sha256: sha256Of(kept) };
      await assert.rejects(storage().put('failed/sum', streamOf(content), options), hasCode('checksum_mismatch'));
      await assertKept('failed/sum');
    });
  }

  test('a body that fails before it is read fails the upload, and nothing else', async () => {
    const failure = new Error('gone at once');
    const body = brokenStream(Buffer.from('x'), () => undefined);
    const put = storage().put('failed/early', body, text);
    body.destroy(failure);
    await assert.rejects(put, failure);
    assert.equal(await storage().exists('failed/early'), false);
  });

  test('what was given up already does not begin', async () => {
    const reason = new Error('given up');
    const signal = AbortSignal.abort(reason);
    const all: readonly Promise<unknown>[] = [
      storage().put('failed/never', Buffer.from('x'), { ...text, signal }),
      storage().get('failed/never', { signal }),
      storage().head('failed/never', { signal }),
      storage().remove('failed/never', { signal }),
      storage().removeMany(['failed/never'], { signal }),
      storage().copy('failed/never', 'failed/never2', { signal }),
    ];
    for (const call of all) await assert.rejects(call, reason);
    assert.equal(await storage().exists('failed/never'), false);
  });

  test('properties that no header could carry are refused', async () => {
    const refused: readonly PutOptions[] = [
      { contentType: 'text/plain\r\nx: y' },
      { contentType: 'nonsense' },
      { ...text, cacheControl: 'a\nb' },
      { ...text, metadata: { Upper: 'x' } },
      { ...text, metadata: { sha256: 'x' } },
      { ...text, metadata: { big: 'x'.repeat(3000) } },
      { ...text, sha256: 'abc' },
    ];
    for (const options of refused) {
      await assert.rejects(storage().put('failed/properties', Buffer.from('x'), options), hasCode('invalid_request'));
    }
    assert.equal(await storage().exists('failed/properties'), false);
  });
}
