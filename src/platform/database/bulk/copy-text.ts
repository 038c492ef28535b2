const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what the format gives a meaning.
const special = /[\\\n\r\t\u0008\f\v]/g;
const nullField = '\\N';

function escapeText(text: string): string {
  return text.replace(special, (char) => escapes[char] ?? char);
}

/**
 * A row in the text format of COPY, its line feed included. Values mean what they mean as parameters of a statement: null and
 * undefined are NULL, a Date its moment, a Buffer bytea, an array an array of PostgreSQL, any other object JSON.
 */
export function toCopyLine(row: readonly unknown[]): string {
  let line = '';
  for (let index = 0; index < row.length; index += 1) {
    if (index > 0) line += '\t';
    const text = toText(row[index]);
    line += text === null ? nullField : escapeText(text);
  }
  return `${line}\n`;
}

/** The value as PostgreSQL reads it; null for NULL. */
function toText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'object') return objectToText(value);
  return String(value);
}

function objectToText(value: object): string {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
  if (Array.isArray(value)) return arrayToText(value);
  return JSON.stringify(value);
}

/** Section 8.15.6 of PostgreSQL's manual: elements in quotes, so that no text in them has a meaning. */
function arrayToText(values: readonly unknown[]): string {
  const elements = values.map((value) => {
    if (Array.isArray(value)) return arrayToText(value);
    const text = toText(value);
    return text === null ? 'NULL' : `"${text.replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${elements.join(',')}}`;
}
