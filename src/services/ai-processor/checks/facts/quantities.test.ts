import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareRange } from './numeric-claims.ts';
import { findQuantities, parseNumber } from './quantities.ts';

const rounded = (text: string) =>
  findQuantities(text.toLowerCase()).map(({ kind, low, high, bound }) => [
    kind,
    Math.round(low * 10) / 10,
    Math.round(high * 10) / 10,
    bound,
  ]);

test('numbers with units are read, converted and ordered', () => {
  for (const [text, expected] of [
    ['20–26 °C', [['temperature', 20, 26, 'range']]],
    ['between 68 and 78 °F', [['temperature', 20, 25.6, 'range']]],
    ['72 to 78 degrees Fahrenheit', [['temperature', 22.2, 25.6, 'range']]],
    ['at 82 degrees', [['temperature', 27.8, 27.8, 'range']]],
    ['twenty to twenty-six degrees', [['temperature', 20, 26, 'range']]],
    ['25C', [['temperature', 25, 25, 'range']]],
    [
      '24 °C (75 °F)',
      [
        ['temperature', 24, 24, 'range'],
        ['temperature', 23.9, 23.9, 'range'],
      ],
    ],
    ['20 °C to 26 °C', [['temperature', 20, 26, 'range']]],
    ['a ph between 6.0 and 7.5', [['ph', 6, 7.5, 'range']]],
    ['pH: 6,5', [['ph', 6.5, 6.5, 'range']]],
    ['a pH above 7', [['ph', 7, 7, 'above']]],
    ['3 and 15 °dGH', [['dgh', 15, 15, 'range']]],
    ['between 3 and 15 °dGH', [['dgh', 3, 15, 'range']]],
    ['GH of 4–6', [['dgh', 4, 6, 'range']]],
    ['a carbonate hardness of 2–8 °dKH', [['kh', 2, 8, 'range']]],
    ['4-6 inches', [['length', 10.2, 15.2, 'range']]],
    ['3–6 mm', [['length', 0.3, 0.6, 'range']]],
    ['up to 30 cm', [['length', 30, 30, 'up_to']]],
    ['a 10 gallon tank', [['volume', 37.9, 37.9, 'range']]],
    ['60 litres or more', [['volume', 60, 60, 'at_least']]],
    ['1,100 litres', [['volume', 1100, 1100, 'range']]],
    ['100–250 mg/l', [['concentration', 100, 250, 'range']]],
    ['15–30 µmol PAR', [['par', 15, 30, 'range']]],
  ] as const) {
    assert.deepEqual(rounded(text), expected, text);
  }
});

test('measures of a tank and numbers without a unit are no quantities', () => {
  for (const text of ['60 × 30 × 36 cm', 'a group of ten', 'in 2026', 'no. 3', 'phosphate 5']) assert.deepEqual(rounded(text), [], text);
});

test('numbers are parsed in words and with either decimal mark', () => {
  assert.deepEqual(['6,5', '1,000', 'twenty-six', '0.5'].map(parseNumber), [6.5, 1000, 26, 0.5]);
});

test('a range contradicts outside the known one and not where the two overlap reasonably', () => {
  const known = { min: 20, max: 26 };
  const compare = (low: number, high = low, bound: 'range' | 'up_to' | 'below' | 'at_least' | 'above' = 'range') =>
    compareRange({ kind: 'temperature', low, high, bound, start: 0, end: 0 }, known, { near: 1, far: 5 });
  assert.equal(compare(22, 25), 'agrees');
  assert.equal(compare(24, 30), 'silent');
  assert.equal(compare(25.9, 33), 'contradicts');
  assert.equal(compare(10, 40), 'contradicts');
  assert.equal(compare(27), 'agrees');
  assert.equal(compare(28), 'contradicts');
  assert.equal(compare(18, 18, 'up_to'), 'contradicts');
  assert.equal(compare(32, 32, 'up_to'), 'contradicts');
  assert.equal(compare(40, 40, 'below'), 'silent');
  assert.equal(compare(28, 28, 'above'), 'contradicts');
  assert.equal(compare(22, 22, 'at_least'), 'agrees');
});
