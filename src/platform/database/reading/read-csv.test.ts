import assert from 'node:assert/strict';
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
      { line: 6, lastLine: 6, fault: '1 fields stand under 2 names' },
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

  test('does not gather an unclosed quote without end', async () => {
    const text = `a,b\n"3,4\n${'5,6\n'.repeat(100)}`;
    await assert.rejects(read(text, { maxRowBytes: 100 }), isInvalid(/line 2 is not closed within 100 bytes/));
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

  test('gives chunks of the size asked for', async () => {
    const chunks = await Array.fromAsync(readCsv(inPieces(`a\n${'1\n'.repeat(7)}`), { rowsPerChunk: 3 }));
    assert.deepEqual(
      chunks.map((chunk) => chunk.length),
      [3, 3, 1],
    );
  });
});
