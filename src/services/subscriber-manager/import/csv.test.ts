import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CsvFault, type CsvRecord, readCsv } from './csv.ts';

async function read(...chunks: readonly string[]): Promise<(CsvRecord | CsvFault)[]> {
  return Array.fromAsync(readCsv(chunks));
}
const fieldsOf = async (...chunks: readonly string[]) =>
  (await read(...chunks)).map((record) => ('fields' in record ? record.fields : record));

test('fields, quotes, commas and line breaks inside quotes, either line end', async () => {
  assert.deepEqual(await read('a,b\r\n"x, ""y""","two\nlines"\r\n,\n'), [
    { line: 1, fields: ['a', 'b'] },
    { line: 2, fields: ['x, "y"', 'two\nlines'] },
    { line: 4, fields: ['', ''] },
  ]);
});

test('the same however the file is cut into pieces', async () => {
  const text = '\uFEFFemail,name\r\n"a@x.example","Zoë ""Z"" 健"\r\n\r\nb@x.example,\r\n"c@x.example","last"';
  const whole = await read(text);
  assert.deepEqual(whole[1], { line: 2, fields: ['a@x.example', 'Zoë "Z" 健'] });
  assert.deepEqual(await read(...text), whole);
  assert.deepEqual(await read('', text.slice(0, 30), text.slice(30)), whole);
});

test('a byte order mark and blank lines are no part of the data; an empty file has no record', async () => {
  assert.deepEqual(await fieldsOf('\uFEFFa,b\n\n\r\n1,2\n\n'), [
    ['a', 'b'],
    ['1', '2'],
  ]);
  assert.deepEqual(await read(''), []);
  assert.deepEqual(await read('""\n'), [{ line: 1, fields: [''] }]);
  assert.deepEqual(await fieldsOf('a\r'), [['a']]);
});

test('a record with a bad quote is a fault of its own, and the next one is read', async () => {
  const records = await read('a"b,c\n"a"b,c\n1,2\n');
  assert.deepEqual(
    records.map((record) => ('fault' in record ? record.line : record.fields)),
    [1, 2, ['1', '2']],
  );
  assert.match(JSON.stringify(records[0]), /a quote stands inside/);
  assert.match(JSON.stringify(records[1]), /after a closing quote|follow a closing quote/);
});

test('after a quote that is never closed reading ends, with the line where it began', async () => {
  assert.deepEqual(await read('a,b\n1,"2\n3,4\n'), [
    { line: 1, fields: ['a', 'b'] },
    { line: 2, fault: 'a quoted field is not closed; nothing after it was read' },
  ]);
});

test('a file of any size passes through, and no record grows without limit', async () => {
  let served = 0;
  function* endless() {
    yield '"';
    for (;;) {
      served += 1;
      yield 'x'.repeat(10_000);
    }
  }
  const [fault] = await Array.fromAsync(readCsv(endless()));
  assert.ok(fault !== undefined && 'fault' in fault);
  assert.ok(served < 10, `${served} pieces were taken`);
  const [long] = await read('y'.repeat(100_000));
  assert.match(JSON.stringify(long), /too long/);
});

for (const [what, line, expected] of [
  ['rows', 'a@x.example,b\n', 14_000],
  ['blank lines', '\n', 0],
  ['faulty rows', 'a"b\n', 50_000],
] as const) {
  test(`200,000 characters of ${what} in one piece let other work in before they are read`, async () => {
    let isWaiting = true;
    let turns = 0;
    setImmediate(function tick() {
      turns += 1;
      if (isWaiting) setImmediate(tick);
    });
    let count = 0;
    for await (const _record of readCsv([line.repeat(200_000 / line.length)])) count += 1;
    isWaiting = false;
    assert.ok(turns > 1, `${turns} turns`);
    assert.ok(count >= expected, `${count} records`);
  });
}
