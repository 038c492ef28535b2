import path from 'node:path';

/**
 * A key's path: its bytes in pieces that end after a slash or at 80 bytes, each a folder, the last one a file. No piece of a folder
 * begins another, so the pieces' order is the keys' order, level by level. Names are made of lower-case letters, digits and `_.-%~`, whatever
 * the key: they mean the same on file systems that fold case or Unicode forms, and are none that Windows reserves (`con`, `nul.txt`,
 * names that end in a dot).
 */
export type Piece = { readonly bytes: Buffer; readonly kind: 'folder' | 'object' };

// Every byte can take three characters, and file systems stop at 255.
const maxPieceBytes = 80;
const slash = 0x2f;

export type SplitKey = { readonly folders: readonly Piece[]; readonly rest: Buffer };

/** Also of a part of a key: `rest` is what no folder is known for yet. */
export function splitKey(key: string): SplitKey {
  const folders: Piece[] = [];
  let rest = Buffer.from(key);
  for (;;) {
    const slashAt = rest.subarray(0, maxPieceBytes).indexOf(slash);
    if (slashAt < 0 && rest.length <= maxPieceBytes) return { folders, rest };
    const length = slashAt < 0 ? maxPieceBytes : slashAt + 1;
    folders.push({ bytes: rest.subarray(0, length), kind: 'folder' });
    rest = rest.subarray(length);
  }
}

/** `d~` a folder that ends a segment, `c~` one in the middle of a long segment, `o~` an object. */
export function nameOf({ bytes, kind }: Piece): string {
  if (kind === 'object') return `o~${encode(bytes)}`;
  return bytes.at(-1) === slash ? `d~${encode(bytes.subarray(0, -1))}` : `c~${encode(bytes)}`;
}

/** Undefined for whatever else lies in the folder. */
export function pieceOf(name: string): Piece | undefined {
  const bytes = Buffer.from(
    name.slice(2).replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
  const piece: Piece = name.startsWith('o~')
    ? { bytes, kind: 'object' }
    : { bytes: name.startsWith('d~') ? Buffer.concat([bytes, Buffer.of(slash)]) : bytes, kind: 'folder' };
  return nameOf(piece) === name ? piece : undefined;
}

export function pathOf(root: string, folders: readonly Piece[]): string {
  return path.join(root, ...folders.map(nameOf));
}

/** An object's file. */
export function pathOfKey(root: string, key: string): string {
  const { folders, rest } = splitKey(key);
  return path.join(pathOf(root, folders), nameOf({ bytes: rest, kind: 'object' }));
}

/** The order of the keys: an object comes before the longer keys that begin with its own. */
export function comparePieces(a: Piece, b: Piece): number {
  return Buffer.compare(a.bytes, b.bytes) || Number(a.kind === 'folder') - Number(b.kind === 'folder');
}

function encode(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[^a-z0-9_.-]|\.$/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
