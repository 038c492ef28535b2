import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '#shared/errors';
import { compileRules, type SegmentRule } from './segment-rules.ts';

test('every faulty rule is named by its place', () => {
  const all: SegmentRule[] = [
    { field: 'country', operator: 'equals', value: 'BG' },
    { field: 'country', operator: 'before', value: '2026-01-01' },
    { field: 'country', operator: 'equals', value: ['BG'] },
    { field: 'language', operator: 'in', value: 'en' },
    { field: 'tags', operator: 'equals', value: 'shrimp' },
    { field: 'tags', operator: 'contains_any', value: 'shrimp' },
    { field: 'subscriptionDate', operator: 'in', value: ['2026-01-01'] },
    { field: 'subscriptionDate', operator: 'after', value: '2026-02-30' },
    { field: 'subscriptionDate', operator: 'after', value: "2026-01-01' or true --" },
  ];
  assert.throws(
    () => compileRules({ all }),
    (error) => {
      assert.ok(error instanceof AppError);
      assert.deepEqual(
        error.fields.map(({ path }) => path),
        [1, 2, 3, 4, 5, 6, 7, 8].map((index) => `/rules/all/${index}`),
      );
      return error.status === 422;
    },
  );
});
