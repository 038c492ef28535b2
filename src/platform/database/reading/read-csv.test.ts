import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { type CsvOptions, type CsvRow, readCsv } from '#platform/database';
import { AppError } from '#shared/errors';

async function* inPieces(text: string, pieceBytes = 5): AsyncGenerator<Buffer> {
  const content = Buffer.from(text);
  for (let from = 0; from < content.length; from += pieceBytes) yield content.subarray(from, from + pieceBytes);
}

async function read(text: string, options: CsvOptions = {}): Promise<CsvRow[]> {
  return (await Array.fromAsync(readCsv(inPieces(text), options))).flat();
}

const isInvalid = (pattern: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === 'csv_invalid' && pattern.test(error.message);

describe('reading CSV', () => {
  test('gives texts by the names of the first row, with their lines', async () => {
    assert.deepEqual(await read('\uFEFFemail, name\r\na@x.org,"Ann, ""A"" B"\r\n\r\nb@x.org,"two\r\nlines"\r\nc@x.org,\r\n'), [
      { line: 2, value: { email: 'a@x.org', name: 'Ann, "A" B' } },
      { line: 4, value: { email: 'b@x.org', name: 'two\r\nlines' } },
      { line: 6, value: { email: 'c@x.org', name: '' } },
    ]);
  });

  test('takes another delimiter', async () => {
    assert.deepEqual(await read('a;b\n"1;x";2,5', { delimiter: ';' }), [{ line: 2, value: { a: '1;x', b: '2,5' } }]);
  });

  test('gives faults with their lines and goes on behind them', async () => {
    const rows = await read('a,b\n1,2"x\n3,4\n"5"y,6\n7,8\n9\n"10\n11"z,1\n12,13\n');
    assert.deepEqual(rows, [
      { line: 2, lastLine: 2, fault: 'a quote stands inside a field that does not begin with one' },
      { line: 3, value: { a: '3', b: '4' } },
      { line: 4, lastLine: 4, fault: 'something stands between a closing quote and the next delimiter' },
      { line: 5, value: { a: '7', b: '8' } },
      { line: 6, lastLine: 6, fields: ['9'], fault: '1 fields stand under 2 names' },
      { line: 7, lastLine: 8, fault: 'something stands between a closing quote and the next delimiter' },
      { line: 9, value: { a: '12', b: '13' } },
    ]);
  });

  test('tells which lines an unclosed quote at the end has taken', async () => {
    assert.deepEqual(await read('a,b\n1,2\n"3,4\n5,6\n'), [
      { line: 2, value: { a: '1', b: '2' } },
      { line: 3, lastLine: 4, fault: 'a quoted field is not closed' },
    ]);
  });

  test('ends with an unclosed quote, after the rows before it, and does not gather without end', async () => {
    const rows = [
      { line: 2, value: { a: '1', b: '2' } },
      { line: 3, lastLine: 27, fault: 'a quoted field is not closed within 100 bytes; nothing behind it was read' },
    ];
    assert.deepEqual(await read(`a,b\n1,2\n"3,4\n${'5,6\n'.repeat(100)}`, { maxRowBytes: 100 }), rows);
    const [, unclosed] = await read(`a,b\n1,2\n"3,4\n${'x'.repeat(1000)}\n5,6\n`, { maxRowBytes: 100 });
    assert.deepEqual(unclosed, { ...rows[1], lastLine: 4 });
  });

  test('takes no more of an endless source than it needs', async () => {
    let served = 0;
    async function* endless() {
      yield Buffer.from('a\n"');
      for (;;) {
        served += 1;
        yield Buffer.from('x'.repeat(9_999).concat('\n'));
      }
    }
    const rows = (await Array.fromAsync(readCsv(endless()))).flat();
    assert.equal(rows.length, 1);
    assert.ok(served < 20, `${served} pieces were taken`);
  });

  test('gives what can be read of a row that is not UTF-8, and knows where it ends', async () => {
    const latin1 = Buffer.from('a,b\nM\u00fcller,"1\nZo\u00eb, 2"\n3,4\n', 'latin1');
    const rows = (await Array.fromAsync(readCsv(Readable.from([latin1])))).flat();
    assert.deepEqual(rows, [
      { line: 2, lastLine: 3, fields: ['M\uFFFDller', '1\nZo\uFFFD, 2'], fault: 'line 2 is not UTF-8' },
      { line: 4, value: { a: '3', b: '4' } },
    ]);
  });

  test('passes over a row that is too long', async () => {
    assert.deepEqual(await read(`a,b\n${'x'.repeat(200)},1\n3,4\n`, { maxRowBytes: 100 }), [
      { line: 2, lastLine: 2, fault: 'line 2 is longer than 100 bytes' },
      { line: 3, value: { a: '3', b: '4' } },
    ]);
  });

  test('refuses a first row that does not name the columns', async () => {
    await assert.rejects(read(''), isInvalid(/empty/));
    await assert.rejects(read('a,,c\n'), isInvalid(/name every column/));
    await assert.rejects(read('a,b,a\n'), isInvalid(/twice/));
    await assert.rejects(read('a,__proto__\n'), isInvalid(/name every column/));
    await assert.rejects(read('"a\n'), isInvalid(/not closed/));
  });

  test('names columns as it is told', async () => {
    const toColumns = (names: readonly string[]) => names.map((name) => name.toLowerCase());
    assert.deepEqual(await read(' A ,b\n1,2\n', { toColumns }), [{ line: 2, value: { a: '1', b: '2' } }]);
    await assert.rejects(read('A,a\n', { toColumns }), isInvalid(/twice/));
    const refusal = new Error('not these');
    const refuse = () => {
      throw refusal;
    };
    await assert.rejects(read('a\n', { toColumns: refuse }), (error) => error === refusal);
  });

  for (const [what, line] of [
    ['rows', 'a@x.example,b\n'],
    ['blank lines', '\n'],
    ['faulty rows', 'a"b\n'],
  ] as const) {
    test(`lets other work in while it reads a megabyte of ${what} that came at once`, async () => {
      const content = Buffer.from(`a,b\n${line.repeat(1_000_000 / line.length)}`);
      let isReading = true;
      let turns = 0;
      setImmediate(function tick() {
        turns += 1;
        if (isReading) setImmediate(tick);
      });
      for await (const chunk of readCsv(Readable.from([content]))) assert.ok(chunk.length > 0);
      isReading = false;
      assert.ok(turns > 1, `${turns} turns`);
    });
  }

  test('gives chunks of the size asked for', async () => {
    const chunks = await Array.fromAsync(readCsv(inPieces(`a\n${'1\n'.repeat(7)}`), { rowsPerChunk: 3 }));
    assert.deepEqual(
      chunks.map((chunk) => chunk.length),
      [3, 3, 1],
    );
  });
});
