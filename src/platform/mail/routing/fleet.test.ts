import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCircuitBreaker } from '#shared/circuit-breaker';
import { parseTransports } from '#shared/mail-transports';
import type { MailTransport } from '../mail-transport.ts';
import { type Member, orderMembers } from './fleet.ts';

const none = {} as MailTransport;

function membersOf(text: string): Member[] {
  return parseTransports(text).transports.map((settings) => ({
    settings,
    transport: none,
    circuit: createCircuitBreaker({ failureThreshold: 1, openMs: 1000, now: () => 0 }),
  }));
}

const namesOf = (members: readonly Member[]) => members.map(({ settings }) => settings.name);

function createRandom() {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

test('transports are chosen as often as their weights say', () => {
  const members = membersOf('smtp://a?name=a&weight=7 smtp://b?name=b&weight=2 smtp://c?name=c');
  const random = createRandom();
  const first: Record<string, number> = { a: 0, b: 0, c: 0 };
  for (let count = 0; count < 20_000; count += 1) {
    const [name = ''] = namesOf(orderMembers(members, ['x.example'], random));
    first[name] = (first[name] ?? 0) + 1;
  }
  const shares = Object.values(first).map((count) => Math.round((count / 20_000) * 10));
  assert.deepEqual(shares, [7, 2, 1]);
});

test('a domain goes by the transports that are for it, and by the others only when those are of no use', () => {
  const members = membersOf('smtp://a?name=a smtp://b?name=b&domains=gmail.com smtp://c?name=c&domains=*.bg');
  const order = (...domains: string[]) => namesOf(orderMembers(members, domains, Math.random));
  assert.deepEqual(order('googlemail.com', 'gmail.com'), ['b']);
  assert.deepEqual(order('mail.bg', 'mail.bg'), ['c']);
  assert.deepEqual(order('bg', 'bg'), ['a']);
  assert.deepEqual(order('other.example', 'other.example'), ['a']);
  members[1]?.circuit.failed();
  assert.deepEqual(order('gmail.com', 'gmail.com'), ['a']);
});

test('a transport whose circuit is open takes nothing', () => {
  const members = membersOf('smtp://a?name=a smtp://b?name=b');
  members[0]?.circuit.failed();
  assert.deepEqual(namesOf(orderMembers(members, ['x.example'], Math.random)), ['b']);
  members[1]?.circuit.failed();
  assert.deepEqual(orderMembers(members, ['x.example'], Math.random), []);
});
