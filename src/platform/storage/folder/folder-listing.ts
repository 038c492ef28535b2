import type { Dir } from 'node:fs';
import { opendir } from 'node:fs/promises';
import path from 'node:path';
import { isAbsent } from './folder-failures.ts';
import type { FolderFiles } from './folder-files.ts';
import { comparePieces, nameOf, type Piece, pathOf, pieceOf, splitKey } from './folder-layout.ts';

// Names held of each level of folders, whatever the number that lie there.
const batchSize = 1000;

type Range = { readonly prefix: Buffer; readonly after: Buffer };

const startsWith = (bytes: Buffer, start: Buffer): boolean => bytes.subarray(0, start.length).equals(start);

/** Whether the piece is, or may hold, a key of the range. */
function isWithin(bytes: Buffer, kind: Piece['kind'], { prefix, after }: Range): boolean {
  const isBeyond = Buffer.compare(bytes, after) > 0;
  if (kind === 'object') return startsWith(bytes, prefix) && isBeyond;
  return (startsWith(bytes, prefix) || startsWith(prefix, bytes)) && (isBeyond || startsWith(after, bytes));
}

/** Undefined when the folder is gone. */
async function openFolder(folder: string): Promise<Dir | undefined> {
  try {
    return await opendir(folder, { bufferSize: 256 });
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** The first pieces of the folder, in order, that are wanted. Symbolic links are not followed. */
async function readFirst(folder: string, isWanted: (piece: Piece) => boolean): Promise<Piece[]> {
  const found: Piece[] = [];
  const keepFirst = () => found.sort(comparePieces).splice(batchSize);
  for await (const entry of (await openFolder(folder)) ?? []) {
    const piece = pieceOf(entry.name);
    const isKind = piece?.kind === 'folder' ? entry.isDirectory() : entry.isFile();
    if (piece === undefined || !isKind || !isWanted(piece)) continue;
    found.push(piece);
    if (found.length >= 2 * batchSize) keepFirst();
  }
  keepFirst();
  return found;
}

async function* walk(folder: string, base: Buffer, range: Range): AsyncGenerator<string> {
  let last: Piece | undefined;
  for (;;) {
    const previous = last;
    const pieces = await readFirst(
      folder,
      (piece) =>
        (previous === undefined || comparePieces(piece, previous) > 0) && isWithin(Buffer.concat([base, piece.bytes]), piece.kind, range),
    );
    for (const piece of pieces) {
      const bytes = Buffer.concat([base, piece.bytes]);
      if (piece.kind === 'object') yield bytes.toString('utf8');
      else yield* walk(path.join(folder, nameOf(piece)), bytes, range);
    }
    last = pieces.at(-1);
    if (pieces.length < batchSize) return;
  }
}

/** The keys below the folder in order, read as they are asked for: one pass over a folder for each 1000 names of it. */
export async function* walkKeys(files: FolderFiles, prefix: string, after: string): AsyncGenerator<string> {
  const { folders } = splitKey(prefix);
  const start = pathOf(files.root, folders);
  if (!(await files.hasFolder(start))) return;
  const base = Buffer.concat(folders.map(({ bytes }) => bytes));
  yield* walk(start, base, { prefix: Buffer.from(prefix), after: Buffer.from(after) });
}
