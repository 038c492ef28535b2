import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import iconv from 'iconv-lite';
import { AppError } from '#shared/errors';
import { type ReadOptions, readImportRows } from './import-rows.ts';
import { defaultImportOptions, type ImportFault } from './import-types.ts';
import { createCandidateReader } from './read-candidate.ts';

const now = new Date('2026-11-24T12:00:00Z');
const header = 'email,name,country,language,timezone,tags,subscription_date\n';

const definitions = [
  { id: '1', name: 'tank_litres', label: 'Litres', type: 'number', choices: [], readerEditable: false, createdAt: now, updatedAt: now },
] as const;

async function read(text: string | Buffer, options: Partial<ReadOptions> = {}) {
  const customFields = new Set(definitions.map(({ name }) => name));
  const chunks = await Array.fromAsync(
    readImportRows(Readable.from([Buffer.from(text)]), { ...defaultImportOptions, customFields, ...options }),
  );
  const readCandidate = createCandidateReader({ now, topics: new Set(['plants']), definitions, import: defaultImportOptions });
  return chunks.flat().map((row) => ('values' in row ? readCandidate(row) : [row]));
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
  assert.equal(candidate.name, null);
  assert.equal(candidate.tags, undefined);
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
    Buffer.from('b@example.com,Ж\nd@example.com,Ж\nc@example.com,"C\n'),
  ]);
  const [fewer, quote, notUtf8, candidate, , unclosed] = await read(text);
  assert.deepEqual(fewer, [{ line: 2, field: null, message: '1 fields stand under 2 names', value: 'a@example.com' }]);
  assert.deepEqual(quote, [{ line: 3, field: null, message: 'a quote stands inside a field that does not begin with one', value: '' }]);
  assert.deepEqual(notUtf8, [{ line: 4, field: null, message: 'line 4 is not UTF-8', value: 'm@example.com,M\uFFFDller' }]);
  assert.ok(candidate !== undefined && 'email' in candidate && candidate.email === 'b@example.com');
  assert.deepEqual(unclosed, [{ line: 7, field: null, message: 'a quoted field is not closed', value: '' }]);
});

test('a list may be packed, and may have another delimiter', async () => {
  const [candidate] = await read(gzipSync('email;name\na@example.com;Anna\n'), { delimiter: ';' });
  assert.ok(candidate !== undefined && 'email' in candidate && candidate.name === 'Anna');
});

test('columns are mapped, left out, and may be custom fields; two for the same are refused', async () => {
  const mapping = { 'E-Mail Address': 'email', Litres: 'custom:tank_litres', Notes: null };
  const [candidate] = await read('E-mail address,Litres,Notes\na@example.com,54.5,secret\n', { mapping });
  assert.ok(candidate !== undefined && 'email' in candidate);
  assert.deepEqual(candidate, { email: 'a@example.com', customFields: { tank_litres: 54.5 } });
  await assert.rejects(
    read('email,mail\na@example.com,b@example.com\n', { mapping: { mail: 'email' } }),
    /two of its columns are for "email"/,
  );
  await assert.rejects(read('email,litres\n', { mapping: { litres: 'custom:nothing' } }), /unknown columns: "litres"/);
});

test('NDJSON has the same columns, lists as lists, and custom fields by their names', async () => {
  const lines = [
    { email: 'a@example.com', tags: ['Low-Light', 'shrimp'], topics: ['plants'], send_hour: 7, customFields: { tank_litres: 60 } },
    { email: 'b@example.com', tags: { no: 1 } },
    ['email'],
    { email: 'c@example.com', nonsense: 1 },
  ];
  const [candidate, wrongTags, noObject, unknown] = await read(lines.map((line) => JSON.stringify(line)).join('\n'), { format: 'ndjson' });
  assert.deepEqual(candidate, {
    ...{ email: 'a@example.com', tags: ['low-light', 'shrimp'], topics: ['plants'], sendHour: 7 },
    customFields: { tank_litres: 60 },
  });
  for (const [faults, field] of [
    [wrongTags, 'tags'],
    [noObject, null],
    [unknown, 'nonsense'],
  ] as const) {
    assert.ok(Array.isArray(faults));
    assert.equal((faults as ImportFault[])[0]?.field, field);
  }
});

test('another encoding is said before anything is read, and read where it is told', async () => {
  const cyrillic = iconv.encode('email,name\nivan@example.com,Иван\npetar@example.com,Петър\n', 'windows-1251');
  await assert.rejects(read(cyrillic), { code: 'encoding_wrong', status: 422 });
  const [candidate] = await read(cyrillic, { encoding: 'windows-1251' });
  assert.ok(candidate !== undefined && 'email' in candidate && candidate.name === 'Иван');
  const wide = Buffer.from('\uFEFFemail\na@example.com\n', 'utf16le');
  await assert.rejects(read(wide), /UTF-16/);
  const [fromWide] = await read(wide, { encoding: 'utf-16le' });
  assert.ok(fromWide !== undefined && 'email' in fromWide);
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
