import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '#shared/errors';
import { normalizeEmail, parseMailbox } from './index.ts';

test('an address is kept as given, its domain in lower-case ASCII', () => {
  const cases: [string, string][] = [
    ['reader@example.org', 'reader@example.org'],
    ['  reader@example.org ', 'reader@example.org'],
    ['First.Last+news@EXAMPLE.Org', 'First.Last+news@example.org'],
    ["o'neil@example.co.uk", "o'neil@example.co.uk"],
    ['zoé@bücher.example', 'zoé@xn--bcher-kva.example'],
    ['a@xn--bcher-kva.example', 'a@xn--bcher-kva.example'],
    ['a@пример.бг', 'a@xn--e1afmkfd.xn--90ae'],
    [`${'x'.repeat(64)}@example.org`, `${'x'.repeat(64)}@example.org`],
  ];
  for (const [input, expected] of cases) assert.equal(normalizeEmail(input), expected, input);
});

test('two spellings of one letter are one address', () => {
  assert.equal(normalizeEmail('zoe\u0301@example.org'), normalizeEmail('zo\u00e9@example.org'));
});

test('what is not one deliverable address is refused', () => {
  const inputs = ['', ' ', 'reader', '@example.org', 'reader@', 'a@b', 'a b@example.org', 'a@exam ple.org', 'a@@example.org', 'a@b@c.org']
    .concat(['.a@example.org', 'a.@example.org', 'a..b@example.org', '"a b"@example.org', 'a@[127.0.0.1]', 'a@127.0.0.1', 'a@2130706433'])
    .concat(['a@-example.org', 'a@example-.org', 'a@exa_mple.org', 'a@.example.org', 'a@example..org', 'a@example.123', 'a@example.org.'])
    .concat(['Name <a@example.org>', '<a@example.org>', 'a@example.org, b@example.org', 'a@example.org;b@example.org', 'a@example.org (x)'])
    .concat(['a@example.org\r\nBcc: b@example.org', 'a\u0000@example.org', '<script>@example.org', "a'or 1=1--@example.org;", 'a@<b>.org'])
    .concat([`${'x'.repeat(65)}@example.org`, `a@${'x'.repeat(64)}.org`, `a@${'x.'.repeat(130)}org`, 'group: a@example.org;']);
  for (const input of inputs) assert.equal(normalizeEmail(input), undefined, JSON.stringify(input));
});

test('a sender is read with or without a name', () => {
  assert.deepEqual(parseMailbox('Greenwater Digest <digest@aquascene.example>'), {
    address: 'digest@aquascene.example',
    name: 'Greenwater Digest',
  });
  assert.deepEqual(parseMailbox('digest@mailhost'), { address: 'digest@mailhost' });
  for (const text of ['', 'Greenwater Digest', 'a@', 'a@b\r\nBcc: c@d', 'Name <not an address>']) {
    assert.throws(
      () => parseMailbox(text),
      (error: unknown) => error instanceof AppError && error.code === 'invalid_request',
      text,
    );
  }
});
