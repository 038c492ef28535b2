import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEnvelopeSender } from './verp.ts';

const delivery = { issueId: '01890a5d-ac96-774b-bcce-b302099a8057', subscriberId: '01890a5d-ac96-7d21-9d3f-0f0e0d0c0b0a' };
const sender = createEnvelopeSender('news@example.org', 'bounces@bounces.example.org', 'a secret');

test('the return path says which delivery it is of, within the limits of an address', () => {
  const address = sender.of(delivery);
  assert.match(address, /^bounces\+[\w-]+@bounces\.example\.org$/);
  assert.ok(address.indexOf('@') <= 64, address);
  assert.deepEqual(sender.read(address), delivery);
  assert.deepEqual(sender.read(address.replace('bounces.example', 'Bounces.Example')), delivery);
});

test('what was changed, forged or is of another is not read', () => {
  const address = sender.of(delivery);
  const [local = '', domain = ''] = address.split('@');
  for (let place = 'bounces+'.length; place < local.length - 1; place += 1) {
    const changed = `${local.slice(0, place)}${local[place] === 'A' ? 'B' : 'A'}${local.slice(place + 1)}@${domain}`;
    assert.equal(sender.read(changed), undefined, changed);
  }
  const others = [
    createEnvelopeSender('news@example.org', 'bounces@bounces.example.org', 'another secret').of(delivery),
    createEnvelopeSender('news@example.org', 'bounces@elsewhere.example', 'a secret').of(delivery),
  ];
  for (const other of [...others, '', '@', 'bounces+@bounces.example.org', `${address}x`, 'news@example.org']) {
    assert.equal(sender.read(other), undefined, other);
  }
});

test('without a bounce address it is the plain sender, which tells nothing', () => {
  const plain = createEnvelopeSender('news@example.org', null, 'a secret');
  assert.equal(plain.of(delivery), 'news@example.org');
  assert.equal(plain.read(sender.of(delivery)), undefined);
});

test('a bounce address that leaves no room for the delivery is refused', () => {
  assert.throws(() => createEnvelopeSender('news@example.org', 'returned-mail@example.org', 'a secret'), /at most 8 characters/);
});
