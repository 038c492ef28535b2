import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCountry, readEmail, readIsoTime, readLanguage, readProfile, readTags, readTimeZone } from './subscriber-fields.ts';

const accepts = (reading: object) => 'value' in reading;

test('addresses: what can be delivered is taken, the rest refused', () => {
  assert.deepEqual(readEmail('Anna.B+news@BÜCHER.example'), { value: 'Anna.B+news@xn--bcher-kva.example' });
  for (const text of [
    '',
    'nobody',
    '@example.com',
    'a@',
    'a@b',
    'a b@example.com',
    'a@exa mple.com',
    'Anna <a@example.com>',
    'a@example.com,b@example.com',
    'a@example.com\nBcc: b@example.com',
    'a\u0000@example.com',
    '<script>@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b.'.repeat(130)}example.com`,
    'a@127.0.0.1',
  ]) {
    assert.ok(!accepts(readEmail(text)), JSON.stringify(text));
  }
});

test('countries, languages and time zones that exist', () => {
  assert.deepEqual(readCountry('bg'), { value: 'BG' });
  for (const text of ['XX', 'ZZ', 'EU', 'BGR', 'B', 'Bulgaria', '12']) assert.ok(!accepts(readCountry(text)), text);
  assert.deepEqual(readLanguage('ZH-hans'), { value: 'zh-Hans' });
  for (const text of ['english', 'xx', 'en_US', 'e', "en'--", 'en-']) assert.ok(!accepts(readLanguage(text)), text);
  assert.deepEqual(readTimeZone('Asia/Kolkata'), { value: 'Asia/Kolkata' });
  for (const text of ['Mars/Base', '+02:00', 'Europe/../etc', 'x', '']) assert.ok(!accepts(readTimeZone(text)), text);
});

test('tags are lower case, each once; days that do not exist are no days', () => {
  assert.deepEqual(readTags([' Shrimp', 'shrimp', '', 'Low-Light']), { value: ['shrimp', 'low-light'] });
  for (const tags of [['a;b'], ['x'.repeat(51)], ['a\u0000'], Array.from({ length: 51 }, (_, index) => `t${index}`)]) {
    assert.ok(!accepts(readTags(tags)), JSON.stringify(tags).slice(0, 40));
  }
  assert.equal(readIsoTime('2026-02-29'), undefined);
  assert.equal(readIsoTime('2028-02-29')?.toISOString(), '2028-02-29T00:00:00.000Z');
  assert.equal(readIsoTime('2026-02-30T10:00:00Z'), undefined);
  assert.equal(readIsoTime('2026-02-28T10:00'), undefined);
  assert.equal(readIsoTime('2026-02-28T24:61:00Z'), undefined);
});

test('a profile: absent stays absent, null takes away, every fault is named', () => {
  assert.deepEqual(readProfile({ country: null, language: 'EN', tags: [] }), {
    profile: { country: null, language: 'en', tags: [] },
    faults: [],
  });
  const { faults } = readProfile({ name: 'a\tb', country: 'XX', language: 'x', timezone: 'y', tags: ['a;b'] });
  assert.deepEqual(
    faults.map(({ path }) => path),
    ['/name', '/country', '/language', '/timezone', '/tags'],
  );
});
