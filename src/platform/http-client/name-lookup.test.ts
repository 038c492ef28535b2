import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNameCache } from './name-lookup.ts';

const address = { address: '93.184.215.14', family: 4 };

test('a name is asked for once a minute, however many want it', async () => {
  let time = 0;
  let asked = 0;
  const lookUp = createNameCache(
    async () => {
      asked += 1;
      return [address];
    },
    () => time,
  );
  await Promise.all(Array.from({ length: 100 }, () => lookUp('a.example')));
  assert.equal(asked, 1);
  time = 59_999;
  assert.deepEqual(await lookUp('a.example'), [address]);
  assert.equal(asked, 1);
  time = 60_001;
  await lookUp('a.example');
  assert.equal(asked, 2);
});

test('a failure is remembered for some seconds only', async () => {
  let time = 0;
  const answers = [[], [address]];
  const lookUp = createNameCache(
    async () => answers.shift() ?? [],
    () => time,
  );
  await assert.rejects(lookUp('a.example'), /No host is named a\.example/);
  time = 4999;
  await assert.rejects(lookUp('a.example'), /No host/);
  time = 5001;
  assert.deepEqual(await lookUp('a.example'), [address]);
});

test('names beyond the thousandth push out the oldest', async () => {
  const asked: string[] = [];
  const lookUp = createNameCache(async (name) => {
    asked.push(name);
    return [address];
  });
  for (let index = 0; index <= 1000; index += 1) await lookUp(`h${index}.example`);
  await lookUp('h1.example');
  assert.equal(asked.length, 1001);
  await lookUp('h0.example');
  assert.equal(asked.length, 1002);
});
