import type { FieldFault } from '#shared/errors';
import { findTextFault, type Reading, readIsoTime } from '../subscribers/subscriber-fields.ts';
import type { FieldValue } from '../subscribers/subscriber-types.ts';
import { type CustomFieldDefinition, maxTextLength } from './custom-field-types.ts';

type Definition = Pick<CustomFieldDefinition, 'name' | 'type' | 'choices'>;

/** By name; null takes the value away. */
export type CustomFieldValues = Readonly<Record<string, FieldValue | null>>;

const yes: ReadonlySet<string> = new Set(['true', 'yes', '1', 'on']);
const no: ReadonlySet<string> = new Set(['false', 'no', '0', 'off']);
const decimal = /^[+-]?\d{1,15}(\.\d{1,15})?$/;

/**
 * Values by the types of their fields. From `json` a value has its type already; from `text` (a form, a file) it is read: numbers
 * with a decimal point, `true`/`yes`/`1`, days as 2026-01-31; an empty text takes the value away. A date is kept as its day.
 */
export function readCustomFields(
  definitions: readonly Definition[],
  given: Readonly<Record<string, unknown>>,
  from: 'json' | 'text',
): { readonly values: CustomFieldValues; readonly faults: readonly FieldFault[] } {
  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  const values: Record<string, FieldValue | null> = {};
  const faults: FieldFault[] = [];
  for (const [name, value] of Object.entries(given)) {
    const definition = byName.get(name);
    const reading: Reading<FieldValue | null> =
      definition === undefined ? { fault: 'is no custom field of this engine' } : readValue(definition, value, from);
    if ('value' in reading) values[name] = reading.value;
    else faults.push({ path: `/customFields/${name}`, message: reading.fault });
  }
  return { values, faults };
}

/** Values as they stand after a change: what the change does not name stays. */
export function mergeCustomFields(
  current: Readonly<Record<string, unknown>>,
  changed: CustomFieldValues,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries({ ...current, ...changed }).filter(([, value]) => value !== null));
}

function readValue(definition: Definition, value: unknown, from: 'json' | 'text'): Reading<FieldValue | null> {
  if (value === null || (from === 'text' && typeof value === 'string' && value.trim() === '')) return { value: null };
  switch (definition.type) {
    case 'number':
      return readNumber(from === 'text' && typeof value === 'string' && decimal.test(value.trim()) ? Number(value) : value);
    case 'boolean':
      return readBoolean(from === 'text' && typeof value === 'string' ? value.trim().toLowerCase() : value, from);
    case 'date':
      return readDay(value);
    case 'choice':
      return readChoice(definition.choices, value);
    case 'text':
      return readText(value);
  }
}

// Beyond it a number is not the one that was written.
const isExact = (value: number) => Math.abs(value) <= Number.MAX_SAFE_INTEGER;

function readNumber(value: unknown): Reading<number> {
  return typeof value === 'number' && isExact(value) ? { value } : { fault: 'must be a number' };
}

function readBoolean(value: unknown, from: 'json' | 'text'): Reading<boolean> {
  if (typeof value === 'boolean') return { value };
  if (from === 'text' && typeof value === 'string' && (yes.has(value) || no.has(value))) return { value: yes.has(value) };
  return { fault: 'must be true or false' };
}

function readDay(value: unknown): Reading<string> {
  const text = typeof value === 'string' ? value.trim() : '';
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text) && text >= '0001' && readIsoTime(text) !== undefined;
  return isDay ? { value: text } : { fault: 'must be a day such as 2026-01-31' };
}

function readChoice(choices: readonly string[], value: unknown): Reading<string> {
  const text = typeof value === 'string' ? value.trim() : '';
  return choices.includes(text) ? { value: text } : { fault: `must be one of ${choices.join(', ')}` };
}

function readText(value: unknown): Reading<string | null> {
  if (typeof value !== 'string') return { fault: 'must be text' };
  const fault = findTextFault(value, maxTextLength);
  return fault === undefined ? { value: value.trim() || null } : { fault };
}
