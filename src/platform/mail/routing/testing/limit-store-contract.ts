import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { type LimitStore, updateTexts } from '../limit-store.ts';

const change = (key: string, version: number, text: string) => ({ key, version, text, keptMs: 600_000 });

/** What every store does. `makeStore` gives one more view of the same texts. */
export function testLimitStore(makeStore: () => LimitStore): void {
  test('a text is read back with a version, and written only by who has read the last one', async () => {
    const [one, other] = [makeStore(), makeStore()];
    const key = `test:${randomUUID()}`;
    const before = (await one.read([key])).get(key);
    assert.deepEqual([before?.version, before?.text], [0, undefined]);
    assert.deepEqual([...(await one.write([change(key, 0, 'first: {"a":1}')]))], [key]);
    assert.deepEqual([...(await other.write([change(key, 0, 'late')]))], []);
    const stored = (await other.read([key])).get(key);
    assert.equal(stored?.text, 'first: {"a":1}');
    assert.deepEqual([...(await other.write([change(key, stored?.version ?? 0, 'second')]))], [key]);
    assert.deepEqual([...(await one.write([change(key, stored?.version ?? 0, 'late again')]))], []);
    assert.equal((await one.read([key])).get(key)?.text, 'second');
  });

  test('time is the store’s and goes on', async () => {
    const store = makeStore();
    const first = (await store.read(['test:time'])).get('test:time')?.nowMs ?? 0;
    const second = (await store.read(['test:time'])).get('test:time')?.nowMs ?? 0;
    assert.ok(first > 1.7e12 && second >= first, `${first} ${second}`);
  });

  test('many keys at once, of which some have changed meanwhile', async () => {
    const store = makeStore();
    const keys = Array.from({ length: 50 }, () => `test:${randomUUID()}`);
    await store.write(keys.slice(0, 25).map((key) => change(key, 0, 'x')));
    const written = await store.write(keys.map((key) => change(key, 0, 'y')));
    assert.deepEqual([...written].sort(), keys.slice(25).sort());
    const texts = [...(await store.read(keys)).values()].map(({ text }) => text);
    assert.deepEqual([texts.filter((text) => text === 'x').length, texts.filter((text) => text === 'y').length], [25, 25]);
  });

  test('of changes at the same time none is lost', async () => {
    const keys = [`test:${randomUUID()}`, `test:${randomUUID()}`];
    const increase = async (store: LimitStore) => {
      let left: readonly string[] = keys;
      while (left.length > 0)
        left = await updateTexts(store, left, (_, { text }) => ({ text: String(Number(text ?? 0) + 1), keptMs: 600_000 }));
    };
    await Promise.all(
      Array.from({ length: 6 }, makeStore).map(async (store, index) => {
        // In another order than its neighbour.
        if (index % 2 === 0) keys.reverse();
        for (let count = 0; count < 10; count += 1) await increase(store);
      }),
    );
    const texts = [...(await makeStore().read(keys)).values()].map(({ text }) => text);
    assert.deepEqual(texts, ['60', '60']);
  });
}
