import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '#shared/errors';
import { readRules } from './read-rules.ts';
import type { CustomFieldType } from './rule-types.ts';

const id = '01890000-0000-7000-8000-000000000000';
const customFields = new Map<string, CustomFieldType>([
  ['litres', 'number'],
  ['city', 'text'],
  ['club', 'boolean'],
  ['started', 'date'],
]);
const read = (rules: unknown) => readRules(rules, { now: new Date('2026-11-25T15:00:00Z'), customFields });

function faultsOf(rules: unknown): string[] {
  try {
    read(rules);
  } catch (error) {
    assert.ok(error instanceof AppError && error.status === 422);
    return error.fields.map(({ path, message }) => `${path} ${message}`);
  }
  return [];
}

test('rules nest; days are counted back from the midnight of UTC', () => {
  assert.deepEqual(
    read({
      any: [
        { all: [{ field: 'country', operator: 'in', value: ['bg', 'HU'] }, { not: { segment: id.toUpperCase() } }] },
        { field: 'subscriptionDate', operator: 'in_last_days', value: 7 },
        { engagement: 'opened', inLastDays: 30, times: 3 },
        { customField: 'litres', operator: 'between', value: [60, 120] },
        { customField: 'started', operator: 'between', value: ['2026-01-01', '2026-01-31'] },
      ],
    }),
    {
      kind: 'any',
      rules: [
        {
          kind: 'all',
          rules: [
            { kind: 'text', field: 'country', values: ['BG', 'HU'] },
            { kind: 'not', rule: { kind: 'segment', id, path: '/rules/any/0/all/1/not/segment' } },
          ],
        },
        { kind: 'subscribed', from: new Date('2026-11-18') },
        { kind: 'engagement', rule: { kind: 'opened', times: 3, since: new Date('2026-10-26') } },
        { kind: 'custom', name: 'litres', test: { kind: 'numbers', from: 60, to: 120 } },
        { kind: 'custom', name: 'started', test: { kind: 'dates', from: '2026-01-01', to: '2026-02-01' } },
      ],
    },
  );
});

test('every faulty rule is named by its path, with what is accepted there', () => {
  const all: [rule: unknown, fault: string][] = [
    [
      { field: 'country', operator: 'before', value: '2026-01-01' },
      '/operator must be one of equals, not_equals, in, not_in, present, absent for country',
    ],
    [{ field: 'country', operator: 'equals', value: ['BG'] }, '/value must be a text'],
    [{ field: 'language', operator: 'in', value: 'en' }, '/value must be a list of 1 to 200 values'],
    [{ field: 'tags', operator: 'equals', value: 'shrimp' }, '/operator must be one of contains_any, contains_all, contains_none for tags'],
    [{ field: 'tags', operator: 'contains_any', value: ['a', 7] }, '/value/1 must be a text'],
    [
      { field: 'subscriptionDate', operator: 'after', value: '2026-02-30' },
      '/value must be a date such as 2026-01-31 or 2026-01-31T12:00:00Z',
    ],
    [{ field: 'subscriptionDate', operator: 'between', value: ['2026-02-02', '2026-01-01'] }, '/value must have the lower value first'],
    [{ field: 'subscriptionDate', operator: 'in_last_days', value: 0 }, '/value must be a whole number from 1 to 3650'],
    [
      { field: 'status', operator: 'equals', value: 'alive' },
      '/value must be one of pending, active, unsubscribed, bounced, complained, erased',
    ],
    [{ field: 'name', operator: 'equals', value: 'x' }, '/operator must be one of present, absent for name'],
    [{ field: 'country', operator: 'equals', value: 'a\r\nb' }, '/value must not contain control characters'],
    [{ field: 'country', operator: 'equals', value: 'x'.repeat(101) }, '/value must not have more than 100 characters'],
    [{ field: 'country', operator: 'equals', value: 'BG', or: 1 }, ' must not have "or"; it takes field, operator, value'],
    [{ customField: 'shoe', operator: 'equals', value: 1 }, '/customField must be one of litres, city, club, started'],
    [{ customField: 'litres', operator: 'at_least', value: '60' }, '/value must be a number'],
    [
      { customField: 'club', operator: 'at_least', value: 1 },
      '/operator must be one of equals, present, absent for a custom field of the type boolean',
    ],
    [{ customField: 'started', operator: 'before', value: '2026-01-01T00:00:00Z' }, '/value must be a date such as 2026-01-31'],
    [{ engagement: 'read' }, '/engagement must be one of received, opened, clicked'],
    [{ engagement: 'opened', campaign: 'x' }, '/campaign must be the id of a campaign'],
    [{ engagement: 'opened', campaign: id, times: 2 }, '/times counts campaigns: with campaign it can only be 1'],
    [{ segment: 'x' }, '/segment must be the id of a segment'],
    [{ any: {} }, '/any must be a list of rules'],
    [{ all: [], any: [] }, ' must have exactly one of all, any, not, field, customField, engagement, segment'],
    [[], ' must be a rule, an object with one of all, any, not, field, customField, engagement, segment'],
    [null, ' must be a rule, an object with one of all, any, not, field, customField, engagement, segment'],
  ];
  const known = faultsOf({ all: all.map(([rule]) => rule) });
  assert.deepEqual(
    known,
    all.map(([, fault], index) => `/rules/all/${index}${fault}`),
  );
  assert.match(
    faultsOf({ all: [{ field: 'email', operator: 'equals', value: 'x' }] })[0] ?? '',
    /^\/rules\/all\/0\/field must be one of status, /,
  );
});

test('rules are bounded in depth and number', () => {
  const nested = (depth: number): unknown => (depth === 0 ? { all: [] } : { not: nested(depth - 1) });
  assert.deepEqual(faultsOf(nested(5)), []);
  assert.deepEqual(faultsOf(nested(6)), [`/rules${'/not'.repeat(6)} must not nest deeper than 6`]);
  assert.equal(faultsOf(nested(5000)).length, 1);
  const many = (count: number) => ({ any: Array.from({ length: count }, () => ({ segment: id })) });
  assert.deepEqual(faultsOf(many(99)), []);
  assert.deepEqual(faultsOf(many(5000)), ['/rules must not have more than 100 rules in all']);
});
