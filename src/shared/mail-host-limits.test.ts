import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHostLimits, ratesForHost } from './mail-host-limits.ts';
import { domainOf, mailHostOf } from './mail-hosts.ts';
import { tighterOf } from './mail-rates.ts';
import { defaultWarmUpDays, parseWarmUp, warmUpLimitAt } from './warm-up.ts';

test('limits by host, with one for all others', () => {
  const { limits, faults } = parseHostLimits('gmail.com=20/s, outlook.com=10/s+5000/h *=50/m');
  assert.deepEqual(faults, []);
  assert.deepEqual(ratesForHost(limits, 'gmail.com'), { second: 20 });
  assert.deepEqual(ratesForHost(limits, 'outlook.com'), { second: 10, hour: 5000 });
  assert.deepEqual(ratesForHost(limits, 'elsewhere.example'), { minute: 50 });
  assert.deepEqual(ratesForHost(parseHostLimits('').limits, 'gmail.com'), {});
});

test('each faulty limit is one fault', () => {
  const { faults } = parseHostLimits('gmail.com=20/s,gmail.com=0/s,x.example=5,y.example=5/s+6/s,googlemail.com=3/s,nonsense');
  assert.deepEqual(
    faults.map((fault) => /"([^"]+)"/.exec(fault)?.[1]),
    ['gmail.com=0/s', 'x.example=5', 'y.example=5/s+6/s', 'googlemail.com=3/s', 'nonsense'],
  );
});

test('domains of one operator are one mail host', () => {
  assert.equal(mailHostOf('GoogleMail.com'), 'gmail.com');
  assert.equal(mailHostOf('live.com'), mailHostOf('msn.com'));
  assert.equal(mailHostOf('aol.com'), 'yahoo.com');
  assert.equal(mailHostOf('reader.example'), 'reader.example');
  assert.equal(domainOf('a@b@Example.COM'), 'example.com');
});

test('the tighter of two limits in each window', () => {
  assert.deepEqual(tighterOf({ second: 5, day: 100 }, { day: 50, hour: 9 }), { second: 5, hour: 9, day: 50 });
});

test('a warm-up doubles from 50 a day unless told otherwise, and ends', () => {
  const warmUp = parseWarmUp('2026-12-01');
  assert.ok(warmUp !== undefined);
  const at = (time: string) => warmUpLimitAt(warmUp, Date.parse(time));
  assert.equal(at('2026-11-20T00:00:00Z'), 50, 'before it starts: as on the first day');
  assert.equal(at('2026-12-01T23:59:59Z'), 50);
  assert.equal(at('2026-12-02T00:00:00Z'), 100);
  assert.equal(at('2026-12-15T12:00:00Z'), 819_200);
  assert.equal(at('2026-12-16T00:00:00Z'), undefined);
  assert.equal(defaultWarmUpDays.length, 15);
  assert.deepEqual(parseWarmUp('2026-12-01:10,20')?.days, [10, 20]);
  for (const wrong of ['', '2026-02-30', '2026-12-01:', '2026-12-01:0', '2026-12-01:1:2', '1.12.2026'])
    assert.equal(parseWarmUp(wrong), undefined, wrong);
});
