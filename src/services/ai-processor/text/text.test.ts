import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBlocks, readTerms, splitSentences } from './index.ts';

const sentencesOf = (text: string, language = 'en') => splitSentences(text, language).map((sentence) => sentence.text);

test('full stops of abbreviations, units, decimals and initials end no sentence', () => {
  for (const text of [
    'Anubias barteri var. Nana grows at 20–28 °C.',
    'Several Cryptocoryne spp. grow in shade.',
    'Many plants, e.g. Anubias, need no soil.',
    'Set the lamp to approx. 30 µmol at the leaf.',
    'The pH falls from 7.2 to 6.4 within a day.',
    'The index was described by T. Barr in the nineties.',
    'A layer of 3 cm. of soil is enough.',
  ]) {
    assert.deepEqual(sentencesOf(text), [text]);
  }
  assert.deepEqual(sentencesOf('Растенията растат при 20 г. светлина, т.е. малко. Те са бавни.', 'bg'), [
    'Растенията растат при 20 г. светлина, т.е. малко.',
    'Те са бавни.',
  ]);
});

test('units, quotes and brackets end a sentence where it ends', () => {
  assert.deepEqual(sentencesOf('It grows at 20–28 °C. The pH is 6.5. He said "yes." Then (as always) it rained.'), [
    'It grows at 20–28 °C.',
    'The pH is 6.5.',
    'He said "yes."',
    'Then (as always) it rained.',
  ]);
});

test('spans are slices of the text they come from, in UTF-16 units, without bullets', () => {
  const text = '🌿 Heading\n\n• First item is here.  Second one 🐟 too.\n3. Third item stands here.\n\nLast of all.';
  const sentences = readBlocks(text, 'en').flatMap((block) => block.sentences);
  assert.deepEqual(
    sentences.map((sentence) => sentence.text),
    ['First item is here.', 'Second one 🐟 too.', 'Third item stands here.', 'Last of all.'],
  );
  for (const { text: own, start, end } of sentences) assert.equal(text.slice(start, end), own);
});

test('a line without a full stop is the heading of what follows; rows of a table are none', () => {
  const blocks = readBlocks(
    'Sand\n\nSand is inert. It holds roots.\n\nJava fern 15–30 cm 20–28 °C 6.0–7.5\n\nHow deep?\n\nThree centimetres do.',
    'en',
  );
  assert.deepEqual(
    blocks.map(({ heading, sentences }) => [heading, sentences.length]),
    [
      ['Sand', 2],
      ['How deep?', 1],
    ],
  );
});

test('forms of a word share a term, words without meaning have none', () => {
  for (const forms of [
    'trimming trimmed trims',
    'fertiliser fertilising fertilised',
    'deficiency deficiencies',
    'carpet carpets',
    'grows growing',
  ]) {
    assert.equal(new Set(readTerms(forms, 'en')).size, 1, `${forms}: ${readTerms(forms, 'en').join(' ')}`);
  }
  assert.deepEqual(readTerms('the of and with a', 'en'), []);
  assert.equal(new Set(readTerms('растения растенията растението', 'bg')).size, 1);
  assert.deepEqual(readTerms('CO₂ at 20–28 °C', 'en'), ['co2', '20–28']);
});

test('the stems are those of Porter’s paper', () => {
  const pairs =
    'caresses caress ponies poni relational relat conditional condit hopping hop filing file happy happi electrical electr adjustment adjust';
  const words = pairs.split(' ');
  for (let index = 0; index < words.length; index += 2) assert.deepEqual(readTerms(words[index] ?? '', 'en'), [words[index + 1]]);
});
