import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { loadPack } from '#platform/pack';
import { splitClauses } from './clauses.ts';
import { findMentions } from './mentions.ts';
import { createNameIndex } from './name-index.ts';

const { knowledge } = await loadPack(path.resolve(import.meta.dirname, '../../../../../packs/aquascaping'));
const index = createNameIndex(knowledge);
const idsOf = (text: string) => findMentions(index, text).map(({ subject }) => subject.members.map(({ id }) => id).join('+'));

test('species are recognised under every kind of name, and the longest name wins', () => {
  for (const [text, ids] of [
    ['green neon tetras beside neon tetras', ['green-neon-tetra', 'neon-tetra']],
    ['Java fern', ['java-fern']],
    ['a JAVA-FERN’s rhizome', ['java-fern']],
    ['javafern', ['java-fern']],
    ['dwarf hair grass', ['dwarf-hairgrass']],
    ['Microsorum pteropus', ['java-fern']],
    ['A. nana and E. acicularis', ['anubias-nana', 'dwarf-hairgrass']],
    ['Anubias barteri var. nana', ['anubias-nana']],
    ['Anubias barteri', ['anubias-barteri']],
    ["Hemianthus callitrichoides 'Cuba'", ['dwarf-baby-tears']],
    ['guppies, mosses and java mosses', ['guppy', 'java-moss']],
    ['rummynose and rummy-nose tetras', ['rummy-nose-tetra', 'rummy-nose-tetra']],
    ['neon, ember and cardinal tetras', ['neon-tetra', 'ember-tetra', 'cardinal-tetra']],
    ['Süßwassertang', ['susswassertang']],
    ['otos and amanos', ['otocinclus', 'amano-shrimp']],
  ] as const) {
    assert.deepEqual(idsOf(text), ids, text);
  }
});

test('a genus stands for all of its species, also under its short name', () => {
  assert.deepEqual(idsOf('Corydoras'), idsOf('cories'));
  assert.ok(idsOf('crypts')[0]?.includes('wendtii+'));
});

test('words that merely contain a name, and other scripts, are no mentions', () => {
  for (const text of ['a nana of the family', 'platypus', 'Анубиас нана', 'ferns and mosses', '']) assert.deepEqual(idsOf(text), [], text);
});

const subjectsOf = (text: string) =>
  splitClauses(text, findMentions(index, text), undefined).flatMap(({ subjects }) =>
    subjects.flatMap(({ members }) => members.map(({ id }) => id)),
  );

test('a clause is about the species that governs it', () => {
  assert.deepEqual(subjectsOf('Unlike neon tetras, discus prefer 30 °C.'), []);
  assert.deepEqual(subjectsOf('Unlike discus, neon tetras prefer 24 °C.'), ['neon-tetra']);
  assert.deepEqual(subjectsOf('Hornwort grows fast and needs no CO2.'), ['hornwort']);
  assert.deepEqual(subjectsOf('Angelfish eat neon tetras.'), ['angelfish']);
  assert.deepEqual(subjectsOf('Java fern, hornwort and most mosses do well.'), ['java-fern', 'hornwort']);
  assert.deepEqual(subjectsOf('The lamp over the Java fern is strong.'), []);
});
