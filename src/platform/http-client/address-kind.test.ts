import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kindOfAddress } from './address-kind.ts';

const expected = {
  public: [
    '1.1.1.1',
    '93.184.215.14',
    '172.15.0.1',
    '172.32.0.1',
    '100.63.255.255',
    '2606:4700::1111',
    '2a00:1450:4001::1',
    '64:ff9b::101:101',
  ],
  local: [
    '127.0.0.1',
    '127.255.255.254',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '100.127.255.255',
  ].concat(['::1', 'fd12:3456::1', 'fc00::1']),
  never: [
    ...['0.0.0.0', '0.1.2.3', '255.255.255.255', '224.0.0.1', '239.255.255.250', '240.0.0.1', '192.0.2.1', '198.18.0.1', '203.0.113.9'],
    // Metadata services.
    ...['169.254.169.254', '169.254.170.2', '168.63.129.16', '100.100.100.200', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254'],
    ...['::', 'fe80::1', 'fec0::1', 'ff02::1', '100::1', '2001:db8::1', '5f00::1'],
    // IPv4 inside IPv6: mapped, compatible, translated, 6to4, Teredo, NAT64.
    ...['::ffff:127.0.0.1', '::ffff:8.8.8.8', '::127.0.0.1', '::ffff:0:127.0.0.1', '2002:7f00:1::', '2002:808:808::', '2001:0:7f00:1::1'],
    ...['64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b::a00:1', '64:ff9b:1::808:808'],
    // No addresses at all, or such as the operating system reads in its own way.
    ...['', 'localhost', '127.1', '0x7f.0.0.1', '017700000001', '0177.0.0.1', '2130706433', '1.1.1.1.1', 'fe80::1%eth0'],
  ],
} as const;

for (const [kind, addresses] of Object.entries(expected)) {
  test(`addresses that are ${kind}`, () => {
    for (const address of addresses) assert.equal(kindOfAddress(address), kind, address);
  });
}
