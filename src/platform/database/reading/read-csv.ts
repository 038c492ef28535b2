import { AppError } from '#shared/errors';
import { createCsvRecordReader } from './csv-record.ts';
import { createChunker, type RowFault } from './file-rows.ts';
import { type LineFault, readLineBlocks } from './line-splitter.ts';
import { type ByteOptions, type ByteSource, readBytes } from './read-bytes.ts';

export type CsvOptions = ByteOptions & {
  /** One character; a comma unless told. */
  readonly delimiter?: string;
  /** Rows a chunk; 1000 unless told. */
  readonly rowsPerChunk?: number;
  /** A longer row is a fault; 64 KiB unless told. */
  readonly maxRowBytes?: number;
  /** The columns of the rows for the names of the first row, trimmed, which are the columns unless told. What it throws ends reading. */
  readonly toColumns?: (names: readonly string[]) => readonly string[];
};

/** Texts by column, or what is wrong with a row; `fields` are its texts where they could be told apart. */
export type CsvRow = { readonly line: number } & (
  | { readonly value: Readonly<Record<string, string>> }
  | (RowFault & { readonly fields?: readonly string[] })
);

type RawRow = { readonly line: number; readonly lastLine: number } & (
  | { readonly fields: readonly string[] }
  | { readonly fault: string; readonly fields?: readonly string[] }
);

const defaultRowsPerChunk = 1000;
const defaultMaxRowBytes = 65_536;

/**
 * The rows of a CSV file (RFC 4180, UTF-8 with or without a byte order mark, gzip too), in chunks, as fast as they are taken. The
 * first row names the columns. A faulty row is given as a fault with its lines, and reading goes on behind it; blank lines
 * are left out. The content of a faulty row stands in no message. When a quoted field is not closed within `maxRowBytes`, what
 * follows cannot be told apart: that fault is the last row.
 *
 * @throws AppError `csv_invalid` (422) when the first row does not name columns, before any row is given; as `readBytes` does
 */
export async function* readCsv(source: ByteSource, options: CsvOptions = {}): AsyncGenerator<CsvRow[], void, undefined> {
  const { delimiter = ',', rowsPerChunk = defaultRowsPerChunk, maxRowBytes = defaultMaxRowBytes, toColumns } = options;
  const assembler = createRowAssembler(delimiter, maxRowBytes);
  const chunker = createChunker<CsvRow>(rowsPerChunk);
  let columns: readonly string[] | undefined;
  for await (const { firstLine, lines } of readLineBlocks(readBytes(source, options), maxRowBytes)) {
    for (const [index, text] of lines.entries()) {
      const row = assembler.push(firstLine + index, text);
      if (row === undefined) continue;
      if (columns === undefined) {
        columns = readHeader(row, toColumns);
        continue;
      }
      const chunk = chunker.add(nameFields(row, columns));
      if (chunk !== undefined) yield chunk;
      if (assembler.hasEnded()) break;
    }
    if (assembler.hasEnded()) break;
  }
  const unclosed = assembler.end();
  if (columns === undefined)
    throw invalidCsv(unclosed === undefined ? 'The file is empty.' : `The first row is faulty: ${unclosed.fault}.`);
  if (unclosed !== undefined) chunker.add(unclosed);
  const rest = chunker.take();
  if (rest.length > 0) yield rest;
}

function invalidCsv(message: string): AppError {
  return new AppError('csv_invalid', message, { status: 422 });
}

/** Makes rows of lines; a row may take several. */
function createRowAssembler(delimiter: string, maxRowBytes: number) {
  const reader = createCsvRecordReader(delimiter);
  /** Of a row whose end has not come yet. */
  let startLine: number | undefined;
  let rowBytes = 0;
  let lineFault: string | undefined;
  let lastLine = 0;
  let hasEnded = false;

  function finishRow(reading: { readonly fields: readonly string[] } | { readonly fault: string }): RawRow {
    const place = { line: startLine ?? lastLine, lastLine };
    const fault = lineFault;
    startLine = undefined;
    rowBytes = 0;
    lineFault = undefined;
    return fault === undefined ? { ...place, ...reading } : { ...place, ...reading, fault };
  }

  function giveUp(): RawRow {
    hasEnded = true;
    lineFault = undefined;
    return finishRow({ fault: `a quoted field is not closed within ${maxRowBytes} bytes; nothing behind it was read` });
  }

  function pushText(text: string): RawRow | undefined {
    if (startLine === undefined && (text === '' || text === '\r')) return undefined;
    const reading = reader.push(text);
    if (reading !== 'open') return finishRow(reading);
    startLine ??= lastLine;
    rowBytes += Buffer.byteLength(text) + 1;
    return rowBytes > maxRowBytes ? giveUp() : undefined;
  }

  return {
    /** Undefined for a blank line, and while a row is not complete. */
    push(line: number, given: string | LineFault): RawRow | undefined {
      lastLine = line;
      if (typeof given === 'string') return pushText(given);
      const fault = `line ${line} ${given.fault}`;
      if (given.text === undefined) return startLine === undefined ? finishRow({ fault }) : giveUp();
      lineFault ??= fault;
      return pushText(given.text);
    },
    /** Nothing that follows can be told apart. */
    hasEnded: () => hasEnded,
    end(): { readonly line: number; readonly lastLine: number; readonly fault: string } | undefined {
      return startLine === undefined ? undefined : { line: startLine, lastLine, fault: 'a quoted field is not closed' };
    },
  };
}

function readHeader(row: RawRow, toColumns: CsvOptions['toColumns']): readonly string[] {
  if ('fault' in row) throw invalidCsv(`The first row must name the columns; ${row.fault}.`);
  const names = row.fields.map((name) => name.trim());
  const columns = toColumns?.(names) ?? names;
  // `__proto__` is no name that an object can hold.
  if (columns.some((name) => name === '' || name === '__proto__')) throw invalidCsv('The first row must name every column.');
  if (new Set(columns).size !== columns.length) throw invalidCsv('The first row names a column twice.');
  return columns;
}

function nameFields(row: RawRow, columns: readonly string[]): CsvRow {
  if ('fault' in row) return row;
  const { line, lastLine, fields } = row;
  if (fields.length !== columns.length) {
    return { line, lastLine, fields, fault: `${fields.length} fields stand under ${columns.length} names` };
  }
  const named: Record<string, string> = {};
  for (const [index, name] of columns.entries()) named[name] = fields[index] ?? '';
  return { line, value: named };
}
