import { AppError } from '#shared/errors';
import { createCsvRecordReader } from './csv-record.ts';
import { createChunker, type FileRow } from './file-rows.ts';
import { type LineFault, readLineBlocks } from './line-splitter.ts';
import { type ByteOptions, type ByteSource, readBytes } from './read-bytes.ts';

export type CsvOptions = ByteOptions & {
  /** One character; a comma unless told. */
  readonly delimiter?: string;
  /** Rows a chunk; 1000 unless told. */
  readonly rowsPerChunk?: number;
  /** A longer row is a fault; 64 KiB unless told. */
  readonly maxRowBytes?: number;
};

/** Texts by the names of the first row. */
export type CsvRow = FileRow<Readonly<Record<string, string>>>;

type RawRow = FileRow<readonly string[]> & { readonly lastLine: number };

const defaultRowsPerChunk = 1000;
const defaultMaxRowBytes = 65_536;

/**
 * The rows of a CSV file (RFC 4180, UTF-8 with or without a byte order mark, gzip too), in chunks, as fast as they are taken. The
 * first row names the columns. A faulty row is given as a fault with its lines, and reading goes on behind it; blank lines
 * are left out. The content of a faulty row stands in no message.
 *
 * @throws AppError `csv_invalid` (422) when the first row does not name columns, or when a quoted field is not closed within
 *   `maxRowBytes`: what follows cannot be told apart then; as `readBytes` does
 */
export async function* readCsv(source: ByteSource, options: CsvOptions = {}): AsyncGenerator<CsvRow[], void, undefined> {
  const { delimiter = ',', rowsPerChunk = defaultRowsPerChunk, maxRowBytes = defaultMaxRowBytes } = options;
  const assembler = createRowAssembler(delimiter, maxRowBytes);
  const chunker = createChunker<CsvRow>(rowsPerChunk);
  let columns: readonly string[] | undefined;
  for await (const { firstLine, lines } of readLineBlocks(readBytes(source, options), maxRowBytes)) {
    for (const [index, text] of lines.entries()) {
      const row = assembler.push(firstLine + index, text);
      if (row === undefined) continue;
      if (columns === undefined) {
        columns = readHeader(row);
        continue;
      }
      const chunk = chunker.add(nameFields(row, columns));
      if (chunk !== undefined) yield chunk;
    }
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
  let startLine: number | undefined;
  let lastLine = 0;
  let rowBytes = 0;

  function checkLength(text: string): void {
    rowBytes += Buffer.byteLength(text) + 1;
    if (rowBytes > maxRowBytes) {
      throw invalidCsv(`The quoted field that begins in the row of line ${startLine} is not closed within ${maxRowBytes} bytes.`);
    }
  }

  return {
    /** Undefined for a blank line, and while a row is not complete. */
    push(line: number, text: string | LineFault): RawRow | undefined {
      lastLine = line;
      const begunAt = startLine ?? line;
      if (typeof text !== 'string') {
        if (startLine !== undefined) throw invalidCsv(`Line ${line}, within the row that begins on line ${startLine}, ${text.fault}.`);
        return { line, lastLine, fault: `line ${line} ${text.fault}` };
      }
      if (startLine === undefined && (text === '' || text === '\r')) return undefined;
      const reading = reader.push(text);
      if (reading === 'open') {
        startLine = begunAt;
        checkLength(text);
        return undefined;
      }
      startLine = undefined;
      rowBytes = 0;
      return 'fault' in reading ? { line: begunAt, lastLine, fault: reading.fault } : { line: begunAt, lastLine, value: reading.fields };
    },
    end(): { readonly line: number; readonly lastLine: number; readonly fault: string } | undefined {
      return startLine === undefined ? undefined : { line: startLine, lastLine, fault: 'a quoted field is not closed' };
    },
  };
}

function readHeader(row: RawRow): readonly string[] {
  if ('fault' in row) throw invalidCsv(`The first row must name the columns; ${row.fault}.`);
  const names = row.value.map((name) => name.trim());
  // `__proto__` is no name that an object can hold.
  if (names.some((name) => name === '' || name === '__proto__')) throw invalidCsv('The first row must name every column.');
  if (new Set(names).size !== names.length) throw invalidCsv('The first row names a column twice.');
  return names;
}

function nameFields(row: RawRow, columns: readonly string[]): CsvRow {
  if ('fault' in row) return row;
  const { line, lastLine, value } = row;
  if (value.length !== columns.length) {
    return { line, lastLine, fault: `${value.length} fields stand under ${columns.length} names` };
  }
  const named: Record<string, string> = {};
  for (const [index, name] of columns.entries()) named[name] = value[index] ?? '';
  return { line, value: named };
}
