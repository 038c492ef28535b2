import { type OptionalField, optionalFields, type Rule, type TextField, textFields } from './rule-types.ts';
import {
  dayAfter,
  faulty,
  isWholeDay,
  normalizeTags,
  normalizeText,
  type RuleReading,
  readDays,
  readPair,
  readText,
  readTexts,
  readTime,
  startOfDay,
} from './rule-values.ts';

const allFields = [...textFields, 'name', 'tags', 'topics', 'subscriptionDate'] as const;

type Given = Readonly<Record<string, unknown>>;

/** A rule on what is known of everybody; `now` is what days are counted back from. */
export function readFieldRule(given: Given, now: Date): RuleReading<Rule> {
  const { field, operator, value } = given;
  if (field === 'tags' || field === 'topics') return readListRule(field, operator, value);
  if (field === 'subscriptionDate') return readDateRule(operator, value, now);
  if (optionalFields.some((known) => known === field) && (operator === 'present' || operator === 'absent')) {
    if (value !== undefined) return faulty('/value', `goes without a value with ${operator}`);
    const present: Rule = { kind: 'present', field: field as OptionalField };
    return { value: operator === 'present' ? present : { kind: 'not', rule: present } };
  }
  if (textFields.some((known) => known === field)) return readTextRule(field as TextField, operator, value);
  if (field === 'name') return faulty('/operator', 'must be one of present, absent for name');
  return faulty('/field', `must be one of ${allFields.join(', ')}`);
}

function readTextRule(field: TextField, operator: unknown, value: unknown): RuleReading<Rule> {
  const isOne = operator === 'equals' || operator === 'not_equals';
  if (!isOne && operator !== 'in' && operator !== 'not_in') {
    const more = optionalFields.some((known) => known === field) ? ', present, absent' : '';
    return faulty('/operator', `must be one of equals, not_equals, in, not_in${more} for ${field}`);
  }
  const texts = isOne ? readText(value) : readTexts(value);
  if ('fault' in texts) return texts;
  const values: string[] = [];
  for (const text of typeof texts.value === 'string' ? [texts.value] : texts.value) {
    const reading = normalizeText(field, text, '/value');
    if ('fault' in reading) return reading;
    values.push(reading.value);
  }
  const rule: Rule = { kind: 'text', field, values };
  return { value: operator === 'equals' || operator === 'in' ? rule : { kind: 'not', rule } };
}

function readListRule(field: 'tags' | 'topics', operator: unknown, value: unknown): RuleReading<Rule> {
  if (operator !== 'contains_any' && operator !== 'contains_all' && operator !== 'contains_none') {
    return faulty('/operator', `must be one of contains_any, contains_all, contains_none for ${field}`);
  }
  const texts = readTexts(value);
  if ('fault' in texts) return texts;
  const values = field === 'tags' ? normalizeTags(texts.value) : texts.value;
  const rule: Rule = { kind: 'list', field, match: operator === 'contains_all' ? 'all' : 'any', values };
  return { value: operator === 'contains_none' ? { kind: 'not', rule } : rule };
}

function readDateRule(operator: unknown, value: unknown, now: Date): RuleReading<Rule> {
  if (operator === 'in_last_days') {
    const days = readDays(value);
    if ('fault' in days) return days;
    return { value: { kind: 'subscribed', from: startOfDay(now, days.value) } };
  }
  if (operator === 'between') {
    const pair = readPair(value, readTime);
    if ('fault' in pair) return pair;
    const [from, last] = pair.value;
    // A day is meant as a whole, a moment to itself; times are kept to the microsecond, given to the millisecond.
    return { value: { kind: 'subscribed', from, to: isWholeDay(last) ? dayAfter(last) : new Date(last.getTime() + 1) } };
  }
  if (operator !== 'before' && operator !== 'after') {
    return faulty('/operator', 'must be one of before, after, between, in_last_days for subscriptionDate');
  }
  const time = readTime(value);
  if ('fault' in time) return time;
  return { value: operator === 'before' ? { kind: 'subscribed', to: time.value } : { kind: 'subscribed', from: time.value } };
}
