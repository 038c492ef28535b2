import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '#shared/errors';
import { type ImportFault, readCandidate, readImportRows } from './import-rows.ts';

const now = new Date('2026-11-24T12:00:00Z');
const header = 'email,name,country,language,timezone,tags,subscription_date\n';

async function read(text: string) {
  const rows = await Array.fromAsync(readImportRows([text]));
  return rows.map((row) => ('values' in row ? readCandidate(row, now) : [row]));
}

test('a whole row becomes a candidate with its values in their canonical form', async () => {
  const [candidate] = await read(
    `${header} Anna@EXAMPLE.com ,  Zoë  ,bg,PT-br,Europe/Sofia,Low-Light; shrimp ;low-light;,2026-01-31T23:30:00-02:00\n`,
  );
  assert.deepEqual(candidate, {
    email: 'Anna@example.com',
    name: 'Zoë',
    country: 'BG',
    language: 'pt-BR',
    timezone: 'Europe/Sofia',
    tags: ['low-light', 'shrimp'],
    subscriptionDate: new Date('2026-02-01T01:30:00Z'),
  });
});

test('columns stand in any order, and only the address is needed', async () => {
  const [candidate] = await read('Name,EMAIL\n,a@example.org\n');
  assert.ok(candidate !== undefined && 'email' in candidate);
  assert.equal(candidate.email, 'a@example.org');
  assert.equal(candidate.name, undefined);
  assert.deepEqual(candidate.tags, []);
});

test('every fault of a row is named with line, field and what stood there, shortened', async () => {
  const bad = `nobody,"${'n'.repeat(300)}",XX,english,Mars/Base,"${'t'.repeat(60)}",2026-02-30\n`;
  const [faults] = await read(header + bad);
  assert.ok(Array.isArray(faults));
  const list = faults as readonly ImportFault[];
  assert.deepEqual(
    list.map(({ field }) => field),
    ['email', 'name', 'country', 'language', 'timezone', 'tags', 'subscription_date'],
  );
  for (const fault of list) {
    assert.equal(fault.line, 2);
    assert.ok(fault.value.length <= 81, fault.value);
    assert.notEqual(fault.message, '');
  }
});

for (const [what, row] of [
  ['a NUL character', 'a\u0000@example.com,,,,,,'],
  ['a line break in a name', 'a@example.com,"two\nlines",,,,,'],
  ['text that is not UTF-8', 'a@example.com,M\uFFFDller,,,,,'],
  ['a day to come', 'a@example.com,,,,,,2026-11-25'],
  ['two addresses', '"a@example.com, b@example.com",,,,,,'],
  ['a header smuggled into the address', '"a@example.com\r\nBcc: b@example.com",,,,,,'],
  ['no address', ',Anna,,,,,'],
  ['too few fields', 'a@example.com,Anna'],
  ['an offset for a time zone', 'a@example.com,,,,+02:00,,'],
] as const) {
  test(`refused: ${what}`, async () => {
    const [reading] = await read(`${header}${row}\n`);
    assert.ok(Array.isArray(reading) && reading.length > 0, JSON.stringify(reading));
  });
}

test('a first line that is not the names of the columns ends the import before it begins', async () => {
  for (const text of [
    '',
    '\n\n',
    'a@example.com,Anna\n',
    'email;name\n',
    'email,email\n',
    'name,country\n',
    'email,status\na@example.com,x\n',
    '"email\n',
  ]) {
    await assert.rejects(read(text), (error) => error instanceof AppError && error.code === 'csv_invalid' && error.status === 422, text);
  }
});
