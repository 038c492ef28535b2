const dot = 0x2e;
const lineEnd = Buffer.from('\r\n');

/**
 * The content of DATA without its final dot (RFC 5321, 4.5.2): it ends a line, and a dot that begins one is doubled, also
 * after a bare CR or LF, which some servers take for a line end and others do not: no message can end itself early.
 * What needs neither, as all that is composed here, is given back as it is.
 */
export function stuffDots(message: Buffer): Buffer {
  const isEnded = message.length >= 2 && message.at(-2) === lineEnd[0] && message.at(-1) === lineEnd[1];
  const hasDots = message[0] === dot || message.includes('\n.') || message.includes('\r.');
  if (isEnded && !hasDots) return message;
  const stuffed = hasDots ? Buffer.from(message.toString('latin1').replace(/(^|[\r\n])\./g, '$1..'), 'latin1') : message;
  return isEnded ? stuffed : Buffer.concat([stuffed, lineEnd]);
}
