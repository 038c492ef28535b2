import { createChunker, type FileRow } from './file-rows.ts';
import { readLineBlocks } from './line-splitter.ts';
import { type ByteOptions, type ByteSource, readBytes } from './read-bytes.ts';

export type NdjsonOptions = ByteOptions & {
  /** Rows a chunk; 1000 unless told. */
  readonly rowsPerChunk?: number;
  /** A longer line is a fault; 1 MiB unless told. */
  readonly maxLineBytes?: number;
};

const defaultRowsPerChunk = 1000;
const defaultMaxLineBytes = 1024 ** 2;

/**
 * The values of NDJSON (one JSON text a line, UTF-8; gzip too), in chunks, as fast as they are taken. A line that is no JSON
 * is given as a fault, and reading goes on; blank lines are left out. Whether the values are of the wanted shape is for the caller
 * to check. The content of a faulty line stands in no message.
 *
 * @throws AppError as `readBytes` does
 */
export async function* readNdjson(source: ByteSource, options: NdjsonOptions = {}): AsyncGenerator<FileRow<unknown>[], void, undefined> {
  const { rowsPerChunk = defaultRowsPerChunk, maxLineBytes = defaultMaxLineBytes } = options;
  const chunker = createChunker<FileRow<unknown>>(rowsPerChunk);
  for await (const { firstLine, lines } of readLineBlocks(readBytes(source, options), maxLineBytes)) {
    for (const [index, text] of lines.entries()) {
      const row = readLine(firstLine + index, text);
      const chunk = row && chunker.add(row);
      if (chunk !== undefined) yield chunk;
    }
  }
  const rest = chunker.take();
  if (rest.length > 0) yield rest;
}

/** Undefined for a blank line. */
function readLine(line: number, text: string | { readonly fault: string }): FileRow<unknown> | undefined {
  if (typeof text !== 'string') return { line, lastLine: line, fault: `line ${line} ${text.fault}` };
  if (text === '' || text.trim() === '') return undefined;
  try {
    return { line, value: JSON.parse(text) };
  } catch {
    return { line, lastLine: line, fault: `line ${line} is not JSON` };
  }
}
