import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asksToSlowDown, paceOfRate, rateAt, recoversAt, type SlowHost, slowDown } from './host-pace.ts';

const refusal = (code: number, enhancedCode: string | null) =>
  ({ kind: 'rejected', temporary: code < 500, code, enhancedCode, response: '' }) as const;

test('throttling is told from what is about one address, mailbox or message', () => {
  const slowing = [
    refusal(421, null),
    refusal(450, null),
    refusal(454, null),
    refusal(421, '4.3.2'),
    refusal(451, '4.7.1'),
    refusal(450, '4.7.28'),
  ];
  const others = [refusal(451, null), refusal(452, '4.2.2'), refusal(450, '4.2.1'), refusal(450, '4.1.1'), refusal(550, '5.7.1')];
  for (const outcome of slowing) assert.equal(asksToSlowDown(outcome), true, JSON.stringify(outcome));
  for (const outcome of others) assert.equal(asksToSlowDown(outcome), false, JSON.stringify(outcome));
  assert.equal(asksToSlowDown({ kind: 'accepted', response: '' }), false);
});

test('a host that refuses everything gets half as much with each second, down to a message in half a minute', () => {
  let host: SlowHost | undefined;
  let at = 0;
  for (; at < 20_000; at += 1000) host = slowDown(host, { taken: 0, deferred: 10 }, 40, at);
  assert.ok(host !== undefined);
  assert.ok(host.rate < 0.3 && host.rate >= 1 / 30, String(host.rate));
  assert.equal(host.fullRate, 40);
  const first = slowDown(undefined, { taken: 0, deferred: 5 }, 40, 0);
  assert.equal(first?.rate, 20);
});

test('one refusal among a thousand costs a two-thousandth', () => {
  const host = slowDown(undefined, { taken: 999, deferred: 1 }, 1000, 0);
  assert.equal(host?.rate, 999.5);
});

test('the same news from several processes counts once', () => {
  const host = slowDown(undefined, { taken: 0, deferred: 5 }, 40, 0);
  assert.equal(slowDown(host, { taken: 0, deferred: 9 }, 40, 900), host);
  assert.ok((slowDown(host, { taken: 0, deferred: 9 }, 40, 1000)?.rate ?? 99) < 11);
});

test('it recovers by even steps, within minutes, and is then forgotten', () => {
  const host: SlowHost = { rate: 1, fullRate: 31, at: 0 };
  assert.equal(rateAt(host, 0), 1);
  assert.equal(rateAt(host, 150_000), 1 + 15.5);
  assert.equal(Math.round(recoversAt(host)), 290_323);
  assert.equal(rateAt(host, 291_000), undefined);
});

test('less than one a second is one in a longer span', () => {
  assert.deepEqual(paceOfRate(12.7), { count: 12, spanMs: 1000 });
  assert.deepEqual(paceOfRate(0.1), { count: 1, spanMs: 10_000 });
});
