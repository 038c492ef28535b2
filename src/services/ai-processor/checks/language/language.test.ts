import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countSyllables, foldWord, splitProse, splitWords } from './index.ts';

/** Counts as a dictionary divides the words; the list mixes everyday words with those of the subject. */
const known: Readonly<Record<number, string>> = {
  1: 'the plant light tank moss fern fish leaves roots grows soil change kept called stones wood through strength weeks stems blade caught closed looked shade tree green',
  2: 'water slowly planted carpet needle table tables gentle little boxes changes places treated added settled moment movement cutting dosing trimming filter nitrate prism rhythm quiet careful useful surface gravel harmless enough begins cooler weekly climate wasted surely purely growing outside',
  3: 'regular animal another cylinder completely excellent medium calcium radio video various obvious usual nutrient gradual easier happiest requirement arrangement expensive sensitive yellowish remedy potency dissolving hungrier poisonous previous serious algicide tolerate carefully',
  4: 'temperature particular material bacterial experience obviously deficiency ammonium potassium magnesium ecosystem biology aquarium invisible immediate continuous vegetable analysis undemanding fertiliser accumulate communities evaporate impossible',
  5: 'characteristic imagination photosynthesis university accumulation bucephalandra individual cryptocoryne opportunity refrigerator originally',
};

test('counts the syllables of at least 95 % of a list of words as a dictionary does', () => {
  const words = Object.entries(known).flatMap(([count, line]) => line.split(' ').map((word) => ({ word, count: Number(count) })));
  const wrong = words.filter(({ word, count }) => countSyllables(word) !== count).map(({ word }) => `${word}=${countSyllables(word)}`);
  assert.ok(words.length > 120, `${words.length} words`);
  assert.ok(1 - wrong.length / words.length >= 0.95, `${wrong.length} of ${words.length}: ${wrong.join(', ')}`);
});

test('syllables of the subject: Latin names, units and hyphenated words', () => {
  for (const [word, count] of [
    ['Neocaridina', 6],
    ['fast-growing', 3],
    ['CO2', 2],
    ['pH', 1],
    ['35', 2],
    ['x', 1],
  ] as const) {
    assert.equal(countSyllables(word), count, word);
  }
});

test('sentences end at stops and line breaks, not at abbreviations, decimals or shortened genera', () => {
  const text = 'A. nana (A. barteri var. nana) likes pH 6.5, e.g. in soft water. Is that so? Yes!\nNext line no. 3 … ends';
  assert.deepEqual(
    splitProse(text, 'en').map((sentence) => sentence.text),
    ['A. nana (A. barteri var. nana) likes pH 6.5, e.g. in soft water.', 'Is that so?', 'Yes!', 'Next line no. 3 … ends'],
  );
  for (const sentence of splitProse(text, 'en'))
    assert.equal(text.slice(sentence.start, sentence.start + sentence.text.length), sentence.text);
});

test('sentences of other scripts are split too', () => {
  assert.equal(splitProse('Растенията правят аквариума жив. Те произвеждат кислород! Достига 5–15 см. височина.', 'bg').length, 3);
});

test('words fold case, accents and possessives and keep their places', () => {
  assert.equal(foldWord('Süßwassertang'), 'susswassertang');
  assert.equal(foldWord('fern’s'), 'fern');
  const words = splitWords("The rummy-nose tetra's pH");
  assert.deepEqual(
    words.map(({ fold }) => fold),
    ['the', 'rummy', 'nose', 'tetra', 'ph'],
  );
  assert.equal(words[3]?.start, 15);
});
