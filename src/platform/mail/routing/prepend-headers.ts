/**
 * A message with more headers on top. They are no part of what was signed, and take nothing from a signature: it names the
 * headers that it covers.
 */
export function prependHeaders(raw: Buffer, headers: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return lines.length === 0 ? raw : Buffer.concat([Buffer.from(lines.join(''), 'latin1'), raw]);
}
