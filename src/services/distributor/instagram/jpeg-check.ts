import { invalid } from '#shared/errors';

/** What Instagram takes (Instagram platform documentation, "Image specifications"): JPEG, at most 8 MB, 320 to 1440 px wide, 4:5 to 1.91:1. */
export const maxPictureBytes = 8 * 1024 * 1024;
const minWidth = 320;
const minRatio = 4 / 5;
const maxRatio = 1.91;
const tolerance = 0.01;

type Size = { readonly width: number; readonly height: number };

/** The size in the frame header (SOFn) of a JPEG; undefined when it is none. */
export function readJpegSize(bytes: Buffer): Size | undefined {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) return undefined;
  let at = 2;
  while (at + 9 < bytes.length) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1] ?? 0;
    // Fill bytes, and markers that stand alone.
    if (marker === 0xff) at += 1;
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) at += 2;
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    } else at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}

/** @throws AppError `invalid_request` with what Instagram would refuse */
export function checkPicture(bytes: Buffer): Size {
  const refuse = (message: string) => invalid('Instagram would refuse the picture.', [{ path: '/', message }]);
  if (bytes.length > maxPictureBytes) throw refuse(`has ${bytes.length} bytes; at most ${maxPictureBytes} are accepted`);
  const size = readJpegSize(bytes);
  if (size === undefined) throw refuse('is no JPEG; nothing else is accepted');
  const ratio = size.width / size.height;
  if (size.width < minWidth) throw refuse(`is ${size.width} pixels wide; at least ${minWidth} are needed`);
  if (ratio < minRatio - tolerance || ratio > maxRatio + tolerance) {
    throw refuse(`is ${size.width} × ${size.height} pixels; accepted is from 4:5 (portrait) to 1.91:1 (landscape)`);
  }
  return size;
}
