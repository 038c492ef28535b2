import type { Schema } from './api-description.ts';

export type Random = () => number;

/** The same numbers in each run: what fails once fails again. (mulberry32) */
export function createRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const pick = <T>(random: Random, list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];

export const script = '<script>alert(1)</script>';

/** Text that can be stored, and is a trap for whoever puts it into a statement, a page, a pattern or a header. */
export const storableTexts = [
  `'; drop table subscribers; --`,
  `" onmouseover="alert(1)" ${script}`,
  `{{ 7 | times: 7 }} {% raw %} \${jndi:ldap://x}`,
  '%_\\%\\_ * (a|b)+$ \\',
  'Ивелина 水草 🌿👩🏽‍🌾 e\u0301 \u202eabc\u2066 \ufeff',
  'line\r\nBcc: someone@example.org\r\n\r\n\u001b[31m\u0007\t',
  '../../../../etc/passwd',
  'null',
  '-1e999',
  '0',
];

export const unstorableTexts = ['a\u0000b', '\u0000', 'half \ud83c', '\udc00'];

/** For patterns and formats that nothing above satisfies. */
const plainTexts = [
  'en',
  'guide',
  'mosses',
  'BG',
  '1',
  'name@example.org',
  'https://example.org/a?b=%27&c="d"',
  'digest',
  'Europe/Sofia',
  'consent on paper, 2026',
  '0001-01-01',
  '2026-05-01',
  '9999-12-31',
  '0001-01-01T00:00:00Z',
  '2126-05-01T12:00:00Z',
  '9999-12-31T23:59:59.999Z',
  '0199a5b0-0000-7000-8000-00000000abcd',
];

export const malformedIds = [
  'x',
  '1',
  '-',
  'null',
  '%00',
  '%20',
  '%27%20or%201%3D1--',
  '..%2f..%2f',
  'urn:uuid:0199a5b0-0000-7000-8000-00000000abcd',
  '{0199a5b0-0000-7000-8000-00000000abcd}',
  '0199a5b000007000800000000000abcd',
  '------------------------------------',
  '%ED%A0%80',
  '%C0%80',
  'x'.repeat(101),
];

/** For a path that wants a number. */
export const malformedNumbers = ['-1', '1.5', 'x', '99999999999999999999', '2147483648', '%00', '1e3', '%20'];

export const wrongQueryValues = [
  '',
  '%00',
  '%ED%A0%80',
  '%zz',
  '%',
  '-1',
  '0',
  '1.5',
  '1e3',
  '99999999999999999999999999',
  'NaN',
  'Infinity',
  'true',
  'null',
  '[]',
  '%7B%7D',
  '%27%3B%20drop%20table%20subscribers%3B--',
  '%25%5F%5C',
  'x'.repeat(5000),
  '0000-01-01',
  '9999-12-31',
  '2026-02-30',
  '-271821-04-20',
  '+275760-09-13',
];

const cursorOf = (text: string): string => Buffer.from(text).toString('base64url');

/** None of them was given out by a list. */
export const forgedCursors = [
  'x',
  '%00',
  '-',
  cursorOf('|'),
  cursorOf('2026-01-01T00:00:00.000Z|'),
  cursorOf(`2026-01-01T00:00:00.000Z|${'-'.repeat(36)}`),
  cursorOf('2026-01-01T00:00:00.000Z|urn:uuid:0199a5b0-0000-7000-8000-00000000abcd'),
  cursorOf("2026-01-01T00:00:00.000Z|'; drop table subscribers; -- xxxxxx"),
  cursorOf('-271821-04-20T00:00:00.000Z|0199a5b0-0000-7000-8000-00000000abcd'),
  cursorOf('+275760-09-13T00:00:00.000Z|0199a5b0-0000-7000-8000-00000000abcd'),
  cursorOf('0000-01-01T00:00:00.000Z|0199a5b0-0000-7000-8000-00000000abcd'),
  cursorOf('@\u0000'),
  cursorOf('{"a":1}'),
];

export const wrongValues: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  -1e308,
  2 ** 53,
  '',
  ' ',
  'x'.repeat(200_000),
  {},
  { a: { b: [] } },
  [],
  [[[[]]]],
  [null],
  Array.from({ length: 20_000 }, (_, index) => index),
];

export function isAllowed(text: string, { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format }: Schema): boolean {
  if (text.length < minLength || text.length > maxLength) return false;
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(text)) return false;
  if (format === 'uuid') return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
  if (format === 'date') return ['0001-01-01', '2026-05-01', '9999-12-31'].includes(text);
  if (format === 'date-time') return ['0001-01-01T00:00:00Z', '2126-05-01T12:00:00Z', '9999-12-31T23:59:59.999Z'].includes(text);
  return true;
}

function textFor(schema: Schema, random: Random): string {
  const hostile = storableTexts.filter((text) => isAllowed(text, schema));
  const text =
    pick(random, hostile) ??
    pick(
      random,
      plainTexts.filter((each) => isAllowed(each, schema)),
    );
  if (text === undefined) throw new Error(`no text satisfies ${JSON.stringify(schema)}`);
  return text;
}

/** A value that the schema allows, and that is as nasty as it allows. */
export function sampleOf(schema: Schema, random: Random): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return pick(random, schema.enum);
  if (schema.anyOf !== undefined) return sampleOf(pick(random, schema.anyOf) ?? {}, random);
  const type = typeof schema.type === 'string' ? schema.type : pick(random, schema.type ?? ['string']);
  switch (type) {
    case 'object':
      return sampleObject(schema, random);
    case 'array': {
      const { minItems = 0, maxItems = 3, items = {} } = schema;
      const length = Math.min(maxItems, minItems + Math.floor(random() * 3));
      return Array.from({ length }, () => sampleOf(items, random));
    }
    case 'integer':
    case 'number':
      return pick(random, [schema.minimum ?? -1_000_000, schema.maximum ?? 1_000_000]);
    case 'boolean':
      return random() < 0.5;
    case 'null':
      return null;
    default:
      return textFor(schema, random);
  }
}

function sampleObject({ properties = {}, required = [], patternProperties = {} }: Schema, random: Random): Record<string, unknown> {
  const fixed = Object.entries(properties).filter(([name]) => required.includes(name) || random() < 0.6);
  const free = Object.entries(patternProperties).map(([pattern, schema]): [string, Schema] => [textFor({ pattern }, random), schema]);
  return Object.fromEntries([...fixed, ...free].map(([name, schema]) => [name, sampleOf(schema, random)]));
}
