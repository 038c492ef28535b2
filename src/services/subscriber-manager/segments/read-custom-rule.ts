import type { CustomFieldType, CustomTest, Rule, RuleContext } from './rule-types.ts';
import {
  dayAfter,
  dayOf,
  faulty,
  type RuleReading,
  readDay,
  readDays,
  readEach,
  readNumber,
  readPair,
  readText,
  startOfDay,
} from './rule-values.ts';

const operators: Record<CustomFieldType, readonly string[]> = {
  text: ['equals', 'not_equals', 'in', 'not_in', 'present', 'absent'],
  choice: ['equals', 'not_equals', 'in', 'not_in', 'present', 'absent'],
  boolean: ['equals', 'present', 'absent'],
  number: ['equals', 'not_equals', 'in', 'not_in', 'at_least', 'at_most', 'between', 'present', 'absent'],
  date: ['equals', 'before', 'after', 'between', 'in_last_days', 'present', 'absent'],
};

const readBoolean = (value: unknown, path: string): RuleReading<boolean> =>
  typeof value === 'boolean' ? { value } : faulty(path, 'must be true or false');

const readers: Record<CustomFieldType, (value: unknown, path: string) => RuleReading<string | number | boolean>> = {
  text: readText,
  choice: readText,
  boolean: readBoolean,
  number: readNumber,
  date: readDay,
};

type Given = Readonly<Record<string, unknown>>;

/** A rule on a custom field, which is compared as its definition says. */
export function readCustomRule({ customField: name, operator, value }: Given, context: RuleContext): RuleReading<Rule> {
  const type = typeof name === 'string' ? context.customFields.get(name) : undefined;
  if (typeof name !== 'string' || type === undefined) {
    const known = [...context.customFields.keys()].slice(0, 20).join(', ');
    return faulty('/customField', known === '' ? 'names no custom field: none is defined' : `must be one of ${known}`);
  }
  if (typeof operator !== 'string' || !operators[type].includes(operator)) {
    return faulty('/operator', `must be one of ${operators[type].join(', ')} for a custom field of the type ${type}`);
  }
  const custom = (test: CustomTest): Rule => ({ kind: 'custom', name, test });
  if (operator === 'present' || operator === 'absent') {
    if (value !== undefined) return faulty('/value', `goes without a value with ${operator}`);
    const present = custom({ kind: 'present' });
    return { value: operator === 'present' ? present : { kind: 'not', rule: present } };
  }
  const test = readTest(type, operator, value, context);
  if ('fault' in test) return test;
  return { value: operator.startsWith('not_') ? { kind: 'not', rule: custom(test.value) } : custom(test.value) };
}

function readTest(type: CustomFieldType, operator: string, value: unknown, context: RuleContext): RuleReading<CustomTest> {
  if (/equals$/.test(operator)) {
    const reading = readers[type](value, '/value');
    return 'fault' in reading ? reading : { value: { kind: 'equals', values: [reading.value] } };
  }
  if (/in$/.test(operator)) {
    const reading = readEach(value, '/value', readers[type]);
    return 'fault' in reading ? reading : { value: { kind: 'equals', values: reading.value } };
  }
  return type === 'number' ? readNumberTest(operator, value) : readDateTest(operator, value, context);
}

function readNumberTest(operator: string, value: unknown): RuleReading<CustomTest> {
  if (operator === 'between') {
    const pair = readPair(value, readNumber);
    return 'fault' in pair ? pair : { value: { kind: 'numbers', from: pair.value[0], to: pair.value[1] } };
  }
  const reading = readNumber(value);
  if ('fault' in reading) return reading;
  return { value: operator === 'at_least' ? { kind: 'numbers', from: reading.value } : { kind: 'numbers', to: reading.value } };
}

function readDateTest(operator: string, value: unknown, { now }: RuleContext): RuleReading<CustomTest> {
  if (operator === 'in_last_days') {
    const days = readDays(value);
    if ('fault' in days) return days;
    return { value: { kind: 'dates', from: dayOf(startOfDay(now, days.value)), to: dayOf(dayAfter(now)) } };
  }
  if (operator === 'between') {
    const pair = readPair(value, readDay);
    if ('fault' in pair) return pair;
    return { value: { kind: 'dates', from: pair.value[0], to: dayOf(dayAfter(new Date(pair.value[1]))) } };
  }
  const day = readDay(value);
  if ('fault' in day) return day;
  return { value: operator === 'before' ? { kind: 'dates', to: day.value } : { kind: 'dates', from: day.value } };
}
