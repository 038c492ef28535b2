import { createHash } from 'node:crypto';
import { AppError } from '#shared/errors';

const longestPlainKey = 200;
const maxDepth = 50;

/**
 * The same text for equal plain data, whatever the order of an object's keys; different texts for different data.
 * @throws AppError `no_stable_key` for functions, symbols, class instances, cycles and NaN: two calls with one of them cannot be
 * known to mean the same
 */
export function stableKey(value: unknown): string {
  const text = write(value, '', []);
  return text.length <= longestPlainKey ? text : `sha256:${createHash('sha256').update(text).digest('base64url')}`;
}

function write(value: unknown, path: string, within: readonly object[]): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'undefined':
      return 'undefined';
    case 'bigint':
      return `${value}n`;
    case 'number':
      if (Number.isNaN(value)) throw refusal(path, 'NaN');
      return Object.is(value, -0) ? '0' : String(value);
    case 'object':
      return value === null ? 'null' : writeObject(value, path, within);
    default:
      throw refusal(path, `a ${typeof value}`);
  }
}

function writeObject(value: object, path: string, within: readonly object[]): string {
  if (within.includes(value)) throw refusal(path, 'a cycle');
  if (within.length >= maxDepth) throw refusal(path, `more than ${maxDepth} levels`);
  const inside = [...within, value];
  if (Array.isArray(value)) {
    // Not map: it would pass over holes.
    return `[${Array.from(value, (item: unknown, index) => write(item, `${path}/${index}`, inside)).join(',')}]`;
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw refusal(path, 'an invalid date');
    return `date:${value.toISOString()}`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw refusal(path, `an instance of ${value.constructor?.name || 'a class'}`);
  }
  if (Object.getOwnPropertySymbols(value).length > 0) throw refusal(path, 'a symbol');
  const entries = Object.entries(value)
    // { a: undefined } and {} mean the same to whoever reads a field.
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${write(field, `${path}/${key}`, inside)}`).join(',')}}`;
}

function refusal(path: string, what: string): AppError {
  return new AppError(
    'no_stable_key',
    `${path === '' ? 'The value' : `What stands at ${path}`} is ${what}: no stable key can be made of it.`,
  );
}
