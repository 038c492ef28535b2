import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '#shared/errors';
import { createHostMatcher } from './host-pattern.ts';

test('a pattern allows its host or its subdomains, with a port only on that port', () => {
  const isAllowed = createHostMatcher(['intranet', 'Wiki.Example:8080', '*.localhost:8020', '*.lan', '[::1]:9000', '10.0.0.7']);
  const cases: [string, number, boolean][] = [
    ['intranet', 80, true],
    ['intranet', 9999, true],
    ['not-intranet', 80, false],
    ['wiki.example', 8080, true],
    ['wiki.example', 80, false],
    ['a.wiki.example', 8080, false],
    ['scapers.localhost', 8020, true],
    ['a.b.localhost', 8020, true],
    ['scapers.localhost', 8000, false],
    ['localhost', 8020, false],
    ['evil-localhost', 8020, false],
    ['printer.lan', 1, true],
    ['::1', 9000, true],
    ['::1', 80, false],
    ['10.0.0.7', 443, true],
    ['10.0.0.70', 443, false],
  ];
  for (const [host, port, allowed] of cases) assert.equal(isAllowed(host, port), allowed, `${host}:${port}`);
});

test('what is no pattern is refused by name', () => {
  for (const text of ['', '*', '*.', 'http://host', 'host:', 'host:99999', 'a.*.b', 'user@host', 'host/path', 'a b']) {
    assert.throws(
      () => createHostMatcher([text]),
      (error: unknown) => error instanceof AppError && error.message.includes(`"${text}"`),
      text,
    );
  }
});
