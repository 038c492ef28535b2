import { readCountry, readIsoTime, readLanguage, readTags } from '../subscribers/subscriber-fields.ts';
import { subscriberStatuses } from '../subscribers/subscriber-types.ts';
import type { TextField } from './rule-types.ts';

/** What is wrong with a rule, at `path` below it. */
export type RuleFault = { readonly path: string; readonly message: string };
export type RuleReading<T> = { readonly value: T } | { readonly fault: RuleFault };

export const maxListedValues = 200;
const maxValueLength = 100;
const maxDays = 3650;
const dayMs = 86_400_000;

export const faulty = (path: string, message: string): { readonly fault: RuleFault } => ({ fault: { path, message } });

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
const controlCharacter = /[\u0000-\u001f\u007f-\u009f]/;

export function readText(value: unknown, path = '/value'): RuleReading<string> {
  if (typeof value !== 'string') return faulty(path, 'must be a text');
  if (value.length > maxValueLength) return faulty(path, `must not have more than ${maxValueLength} characters`);
  return controlCharacter.test(value) || !value.isWellFormed() ? faulty(path, 'must not contain control characters') : { value };
}

export function readTexts(value: unknown, path = '/value'): RuleReading<readonly string[]> {
  return readEach(value, path, readText);
}

export function readEach<T>(
  value: unknown,
  path: string,
  read: (item: unknown, path: string) => RuleReading<T>,
): RuleReading<readonly T[]> {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxListedValues) {
    return faulty(path, `must be a list of 1 to ${maxListedValues} values`);
  }
  const values: T[] = [];
  for (const [index, item] of value.entries()) {
    const reading = read(item, `${path}/${index}`);
    if ('fault' in reading) return reading;
    values.push(reading.value);
  }
  return { value: values };
}

const choices: Partial<Record<TextField, readonly string[]>> = {
  status: subscriberStatuses,
  frequency: ['all', 'weekly', 'monthly'],
  format: ['html', 'text'],
};

/** Written as it stands in the table, where it can be recognised. A value that nobody has is no fault. */
export function normalizeText(field: TextField, text: string, path: string): RuleReading<string> {
  const accepted = choices[field];
  if (accepted !== undefined) {
    return accepted.includes(text) ? { value: text } : faulty(path, `must be one of ${accepted.join(', ')}`);
  }
  if (field === 'country' || field === 'language') {
    const reading = field === 'country' ? readCountry(text) : readLanguage(text);
    return { value: 'value' in reading ? reading.value : text };
  }
  return { value: field === 'emailDomain' ? text.trim().toLowerCase().replace(/^@/, '') : text };
}

export function normalizeTags(texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => {
    const reading = readTags([text]);
    return 'value' in reading ? reading.value : text;
  });
}

export function readTime(value: unknown, path = '/value'): RuleReading<Date> {
  const time = typeof value === 'string' ? readIsoTime(value) : undefined;
  return time === undefined ? faulty(path, 'must be a date such as 2026-01-31 or 2026-01-31T12:00:00Z') : { value: time };
}

export function readDay(value: unknown, path = '/value'): RuleReading<string> {
  const isDay = typeof value === 'string' && value.length === 10 && readIsoTime(value) !== undefined;
  return isDay ? { value } : faulty(path, 'must be a date such as 2026-01-31');
}

export function readNumber(value: unknown, path = '/value'): RuleReading<number> {
  return typeof value === 'number' && Number.isFinite(value) ? { value } : faulty(path, 'must be a number');
}

/** The first of two or more values that stand in order. */
export function readPair<T extends string | number | Date>(
  value: unknown,
  read: (item: unknown, path: string) => RuleReading<T>,
): RuleReading<readonly [T, T]> {
  const reading = readEach(value, '/value', read);
  if ('fault' in reading) return reading;
  const [from, to, ...more] = reading.value;
  if (from === undefined || to === undefined || more.length > 0) return faulty('/value', 'must be a list of two values, first and last');
  return from <= to ? { value: [from, to] } : faulty('/value', 'must have the lower value first');
}

export function readCount(value: unknown, path: string, max: number): RuleReading<number> {
  const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max;
  return isCount ? { value } : faulty(path, `must be a whole number from 1 to ${max}`);
}

export const readDays = (value: unknown, path = '/value'): RuleReading<number> => readCount(value, path, maxDays);

/** The day in UTC that lies so many days before: "in the last 7 days" begins at its midnight. */
export function startOfDay(now: Date, daysBefore = 0): Date {
  return new Date(Math.floor(now.getTime() / dayMs) * dayMs - daysBefore * dayMs);
}

export const dayAfter = (time: Date): Date => new Date(time.getTime() + dayMs);
export const isWholeDay = (time: Date): boolean => time.getTime() % dayMs === 0;
export const dayOf = (time: Date): string => time.toISOString().slice(0, 10);
export const dayNumber = (time: Date): number => Math.floor(time.getTime() / dayMs);
