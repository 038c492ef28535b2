/** What a picture's first bytes say, whatever it is called. */
export type ImageKind = {
  readonly contentType: 'image/png' | 'image/jpeg' | 'image/gif';
  readonly extension: 'png' | 'jpg' | 'gif';
  readonly width: number;
  readonly height: number;
};

const pngSignature = Buffer.from('89504e470d0a1a0a', 'hex');

/**
 * Of the formats that every mail program shows; SVG, WebP and AVIF are shown by some only. Undefined for anything else, and for
 * what has no size.
 */
export function readImageKind(content: Buffer): ImageKind | undefined {
  const kind = readPng(content) ?? readGif(content) ?? readJpeg(content);
  return kind !== undefined && kind.width > 0 && kind.height > 0 ? kind : undefined;
}

/** PNG (ISO/IEC 15948): the header chunk comes first, width and height in it. */
function readPng(content: Buffer): ImageKind | undefined {
  if (content.length < 33 || !content.subarray(0, 8).equals(pngSignature) || content.toString('latin1', 12, 16) !== 'IHDR')
    return undefined;
  return { contentType: 'image/png', extension: 'png', width: content.readUInt32BE(16), height: content.readUInt32BE(20) };
}

function readGif(content: Buffer): ImageKind | undefined {
  if (content.length < 14 || !/^GIF8[79]a$/.test(content.toString('latin1', 0, 6))) return undefined;
  return { contentType: 'image/gif', extension: 'gif', width: content.readUInt16LE(6), height: content.readUInt16LE(8) };
}

const frameMarkers = new Set([0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]);

/** JPEG (ITU-T T.81, B.1): segments, each with its length, until the one that begins the frame. */
function readJpeg(content: Buffer): ImageKind | undefined {
  if (content.length < 12 || content.readUInt16BE(0) !== 0xffd8) return undefined;
  for (let at = 2; at + 9 < content.length; ) {
    if (content[at] !== 0xff) return undefined;
    const marker = content[at + 1] ?? 0;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (frameMarkers.has(marker)) {
      return { contentType: 'image/jpeg', extension: 'jpg', height: content.readUInt16BE(at + 5), width: content.readUInt16BE(at + 7) };
    }
    const length = content.readUInt16BE(at + 2);
    if (length < 2) return undefined;
    at += 2 + length;
  }
  return undefined;
}
