import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeCustomFields, readCustomFields } from './custom-field-values.ts';

const definitions = [
  { name: 'tank', type: 'text', choices: [] },
  { name: 'litres', type: 'number', choices: [] },
  { name: 'planted', type: 'boolean', choices: [] },
  { name: 'since', type: 'date', choices: [] },
  { name: 'level', type: 'choice', choices: ['new', 'old hand'] },
] as const;

test('values keep their types in JSON, and are read from text', () => {
  const values = { tank: 'nano', litres: 30.5, planted: false, since: '2026-02-28', level: 'old hand' };
  assert.deepEqual(readCustomFields(definitions, values, 'json'), { values, faults: [] });
  const texts = { tank: ' nano ', litres: '30.5', planted: 'No', since: ' 2026-02-28', level: 'old hand ' };
  assert.deepEqual(readCustomFields(definitions, texts, 'text'), { values, faults: [] });
  assert.deepEqual(readCustomFields(definitions, { litres: '', level: ' ' }, 'text').values, { litres: null, level: null });
});

test('what does not fit is named, with what is accepted', () => {
  const wrong = { tank: 5, litres: '30', planted: 'yes', since: '2026-02-30', level: 'NEW', colour: 'red' };
  assert.deepEqual(
    readCustomFields(definitions, wrong, 'json').faults.map(({ path, message }) => `${path} ${message}`),
    [
      '/customFields/tank must be text',
      '/customFields/litres must be a number',
      '/customFields/planted must be true or false',
      '/customFields/since must be a day such as 2026-01-31',
      '/customFields/level must be one of new, old hand',
      '/customFields/colour is no custom field of this engine',
    ],
  );
  const texts = [
    { tank: 'a\r\nBcc: x' },
    { tank: 'x'.repeat(1001) },
    { tank: '\ud800' },
    { litres: '1e999' },
    { litres: '0x10' },
    { litres: 'NaN' },
  ];
  const others = [
    { litres: '12345678901234567890' },
    { since: '0000-01-01' },
    { since: '2026-01-01T00:00:00Z' },
    { planted: '2' },
    { __proto__x: '' },
  ];
  for (const given of [...texts, ...others])
    assert.equal(readCustomFields(definitions, given, 'text').faults.length, 1, JSON.stringify(given));
});

test('a change names what changes: the rest stays, null goes', () => {
  assert.deepEqual(mergeCustomFields({ a: 1, b: 2, old: 'x' }, { a: 3, b: null }), { a: 3, old: 'x' });
});
