import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkText, findTextFaults } from './text-faults.ts';

test('every field with U+0000 or half a surrogate pair is named, however deep', () => {
  const faults = findTextFaults({
    title: 'a\u0000',
    ok: 'Водни 🌿 <b>\u0001',
    sections: [{ paragraphs: ['x', 'half \ud83c'] }],
    n: 1,
    none: null,
  });
  assert.deepEqual(
    faults.map(({ path }) => path),
    ['/title', '/sections/0/paragraphs/1'],
  );
});

test('nothing at all is no fault', () => {
  assert.doesNotThrow(() => checkText(undefined));
  assert.throws(() => checkText({ reason: '\u0000' }), { code: 'invalid_request' });
});
