import assert from 'node:assert/strict';
import { test } from 'node:test';
import { subjectOfAddress } from './address-subject.ts';

for (const [address, subject] of [
  ['192.0.2.7', 'address:192.0.2.7'],
  ['192.0.2.7:51234', 'address:192.0.2.7'],
  ['::ffff:192.0.2.7', 'address:192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', 'address:2001:db8:1:2::/64'],
  ['2001:db8:1:2::', 'address:2001:db8:1:2::/64'],
  ['[2001:DB8:1:2::9]:443', 'address:2001:db8:1:2::/64'],
  ['fe80::1%eth0', 'address:fe80:0:0:0::/64'],
  ['::1', 'address:0:0:0:0::/64'],
  ['unknown', 'address:unknown'],
  ['', 'address:unknown'],
  ['x'.repeat(5000), 'address:unknown'],
] as const) {
  test(`${address.slice(0, 30) || 'nothing'} counts as ${subject}`, () => {
    assert.equal(subjectOfAddress(address), subject);
  });
}
