import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { AppError } from '#shared/errors';
import { type ImportFault, type ImportFileOptions, readCandidate, readImportRows } from './import-rows.ts';

const now = new Date('2026-11-24T12:00:00Z');
const header = 'email,name,country,language,timezone,tags,subscription_date\n';

async function read(text: string | Buffer, options: ImportFileOptions = {}) {
  const rows = await Array.fromAsync(readImportRows(Readable.from([Buffer.from(text)]), options));
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

test('a row that cannot be told apart into its columns is a fault with what stood there, and the next one is read', async () => {
  const latin1 = Buffer.from('m@example.com,M\u00fcller\n', 'latin1');
  const text = Buffer.concat([
    Buffer.from('email,name\na@example.com\na"b,c\n'),
    latin1,
    Buffer.from('b@example.com,B\nc@example.com,"C\n'),
  ]);
  const [fewer, quote, notUtf8, candidate, unclosed] = await read(text);
  assert.deepEqual(fewer, [{ line: 2, field: null, message: '1 fields stand under 2 names', value: 'a@example.com' }]);
  assert.deepEqual(quote, [{ line: 3, field: null, message: 'a quote stands inside a field that does not begin with one', value: '' }]);
  assert.deepEqual(notUtf8, [{ line: 4, field: null, message: 'line 4 is not UTF-8', value: 'm@example.com,M\uFFFDller' }]);
  assert.ok(candidate !== undefined && 'email' in candidate && candidate.email === 'b@example.com');
  assert.deepEqual(unclosed, [{ line: 6, field: null, message: 'a quoted field is not closed', value: '' }]);
});

test('a list may be packed, and may have another delimiter', async () => {
  const [candidate] = await read(gzipSync('email;name\na@example.com;Anna\n'), { delimiter: ';' });
  assert.ok(candidate !== undefined && 'email' in candidate && candidate.name === 'Anna');
});

test('rows that all come at once let other work in before they are read', async () => {
  let isReading = true;
  let turns = 0;
  setImmediate(function tick() {
    turns += 1;
    if (isReading) setImmediate(tick);
  });
  const rows = await read(`email,country\n${'a@example.com,BG\n'.repeat(50_000)}`);
  isReading = false;
  assert.equal(rows.length, 50_000);
  assert.ok(turns > 1, `${turns} turns`);
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
