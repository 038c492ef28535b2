import assert from 'node:assert/strict';
import { test } from 'node:test';
import { displayEmail } from './email-address.ts';
import { readCountry, readEmail, readIsoTime, readLanguage, readProfile, readTags, readTimeZone } from './subscriber-fields.ts';

const accepts = (reading: object) => 'value' in reading;

test('addresses: what can be delivered is taken, the rest refused', () => {
  assert.deepEqual(readEmail('Anna.B+news@BÜCHER.example'), { value: 'Anna.B+news@xn--bcher-kva.example' });
  assert.equal(displayEmail('Anna.B+news@xn--bcher-kva.example'), 'Anna.B+news@bücher.example');
  for (const text of ["o'brien@example.org", 'имя@пример.рф', '用户@例え.jp', ' a@example.org ', 'a@한국어.kr', 'a@straße.de']) {
    assert.ok(accepts(readEmail(text)), text);
  }
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
    'a@[127.0.0.1]',
    '"a b"@example.com',
    'a..b@example.com',
    'a@-example.com',
    'a@ex%61mple.com',
    'a@example.com/x',
    'a\u202e@example.com',
    'a@exam\u200bple.com',
    'a@example.com\ud800',
    'a@example..com',
  ]) {
    assert.ok(!accepts(readEmail(text)), JSON.stringify(text));
  }
});

test('a domain that is made to be taken for another is refused with the reason', () => {
  const faultOf = (text: string) => {
    const reading = readEmail(text);
    return 'fault' in reading ? [reading.code, reading.fault] : ['accepted', reading.value];
  };
  // The second letter is a Cyrillic а, once as itself and once as it is sent over the wire.
  for (const text of ['a@p\u0430ypal.com', 'a@xn--pypal-4ve.com']) {
    assert.deepEqual(faultOf(text), ['look_alike', 'must not have a domain whose "p\u0430ypal" mixes Cyrillic and Latin letters']);
  }
  assert.equal(faultOf('a@\u0430\u0440\u0440\u04cf\u0435.com')[0], 'look_alike', 'all Cyrillic, and drawn like "apple"');
  assert.equal(faultOf('a@goog\u03bbe.com')[0], 'look_alike');
  assert.equal(faultOf('a@градина.com')[0], 'accepted');
  assert.equal(faultOf('a@日本shop.jp')[0], 'accepted');
});

test('addresses of disposable mail services are refused with the reason, unless they are allowed', () => {
  for (const text of ['a@mailinator.com', 'a@MAILINATOR.COM', 'a@inbox.mailinator.com']) {
    const reading = readEmail(text);
    assert.deepEqual('code' in reading && reading.code, 'disposable', text);
    assert.ok(accepts(readEmail(text, { allowDisposable: true })), text);
  }
});

test('what a reader wants: topics of the site, a frequency, a format, an hour', () => {
  const topics = new Set(['plants', 'shrimp']);
  assert.deepEqual(readProfile({ topics: ['plants', 'plants'], frequency: 'weekly', format: 'text', sendHour: 0 }, topics), {
    profile: { topics: ['plants'], frequency: 'weekly', format: 'text', sendHour: 0 },
    faults: [],
  });
  const { faults } = readProfile({ topics: ['cars'], frequency: 'daily', format: 'pdf', sendHour: '24' }, topics);
  assert.deepEqual(
    faults.map(({ path }) => path),
    ['/topics', '/frequency', '/format', '/sendHour'],
  );
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
