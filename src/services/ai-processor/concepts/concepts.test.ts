import assert from 'node:assert/strict';
import path from 'node:path';
import { before, test } from 'node:test';
import { loadPack } from '#platform/pack';
import { readTerms } from '../text/index.ts';
import { type ConceptIndex, createConceptIndex, namesIn, readFacets, readText, strengthOf } from './index.ts';

let concepts: ConceptIndex;
before(async () => {
  concepts = createConceptIndex(await loadPack(path.resolve(import.meta.dirname, '../../../../packs/aquascaping')));
});

const idsIn = (text: string) => concepts.findMentions(readTerms(text, 'en'), 'en').map(({ concept }) => concept.id);
const strength = (asked: string, text: string) =>
  Math.max(...readFacets(asked, 'en', concepts).map((facet) => strengthOf(facet, readText(text, 'en', concepts))));

test('a concept is found by any of its names, in singular and plural', () => {
  for (const name of ['cherry shrimp', 'Red cherry shrimps', 'Neocaridina davidi', 'Neocaridina']) {
    assert.deepEqual(idsIn(name), ['species:cherry-shrimp'], name);
  }
  assert.deepEqual(idsIn('neon tetras'), ['species:neon-tetra']);
  assert.deepEqual(idsIn('green neon tetras'), ['species:green-neon-tetra'], 'the longest name counts');
});

test('a genus with several species stands for itself, and one with its species', () => {
  assert.deepEqual(idsIn('Caridina'), ['genus:Caridina']);
  assert.ok(readText('Amano shrimp eat algae.', 'en', concepts).tokens.has('genus:Caridina'));
});

test('a name lends its last word to the one before it', () => {
  assert.deepEqual(idsIn('green hair and black beard algae'), ['problem:green-hair-algae', 'problem:black-beard-algae']);
  assert.deepEqual([...new Set(idsIn('neon and ember tetras'))], ['species:neon-tetra', 'species:ember-tetra']);
});

test('a long name is known by its last two words, a name of little words by all of them only', () => {
  assert.deepEqual(idsIn('nerite snails'), ['species:zebra-nerite']);
  assert.deepEqual(idsIn('Stable CO2 all day'), [], '"too much CO2" is another thing');
});

test('what is asked under one name is answered under another; what is said of its kind, in part', () => {
  assert.equal(strength('cherry shrimp', 'Neocaridina davidi lives for one to two years.'), 1);
  assert.ok(strength('cherry shrimp', 'Copper is highly toxic to shrimp.') < 0.5);
  assert.ok(strength('cherry shrimp', 'Copper is highly toxic to shrimp.') > 0);
  assert.equal(strength('cherry shrimp', 'Hard water suits many plants.'), 0);
  assert.ok(strength('tetra', 'Neon tetras live in groups.') > 0.5);
});

test('American and British spellings are the same word', () => {
  for (const [asked, text] of [
    ['fertilizer', 'A liquid fertiliser once a week is enough.'],
    ['fertilising', 'Fertilize at half of the dose.'],
    ['color', 'Colours of leaves differ.'],
    ['mold', 'Mould grows on new wood.'],
    ['leaf', 'Yellow leaves drop off.'],
    ['potassium sulfate', 'Potassium sulphate is a salt.'],
  ] as const) {
    assert.equal(strength(asked, text), 1, asked);
  }
});

test('planted is no plant, and planting none either', () => {
  assert.deepEqual(
    readFacets('plants', 'en', concepts).map(({ tokens }) => tokens.size),
    [0],
  );
});

test('the names for a search are those of the knowledge and other spellings', () => {
  const names = namesIn('cherry shrimp fertilizer', 'en', concepts);
  for (const name of ['Neocaridina davidi', 'red cherry shrimp', 'fertiliser']) assert.ok(names.includes(name), name);
  assert.deepEqual(namesIn('goldfish pond', 'en', concepts), []);
});
