import assert from 'node:assert/strict';
import path from 'node:path';
import { before, test } from 'node:test';
import { loadPack } from '#platform/pack';
import { presentTitle, readTitleForms, type TitleForms } from './title.ts';

let forms: TitleForms;
before(async () => {
  forms = readTitleForms((await loadPack(path.resolve(import.meta.dirname, '../../../packs/aquascaping'))).knowledge);
});
const present = (title: string, language = 'en') => presentTitle({ title, language }, forms);

test('words typed in passing become a title', () => {
  assert.equal(present('mosses for shrimp tanks'), 'Mosses for Shrimp Tanks');
  assert.equal(present('  how to get rid   of hair algae '), 'How to Get Rid of Hair Algae');
  assert.equal(present('what to look for'), 'What to Look For');
  assert.equal(present('iwagumi'), 'Iwagumi');
  assert.equal(present('CHERRY SHRIMP'), 'Cherry Shrimp');
  assert.equal(present("wendt's cryptocoryne"), "Wendt's Cryptocoryne");
});

test('words with capitals of their own keep them', () => {
  assert.equal(present('co2 for beginners'), 'CO2 for Beginners');
  assert.equal(present('CO2 for beginners'), 'CO2 for Beginners');
  assert.equal(present('led or par meter'), 'LED or PAR Meter');
});

test('capitals that someone wrote stay, as does what is no title at all', () => {
  assert.equal(present('Moss for shrimp'), 'Moss for shrimp');
  assert.equal(present('Low-Light Aquarium Plants: A Short List'), 'Low-Light Aquarium Plants: A Short List');
  assert.equal(present('<script>alert(1)</script>'), '<script>alert(1)</script>');
  assert.equal(present('!!!'), '!!!');
});

test('other languages capitalise the first word alone', () => {
  assert.equal(present('водни растения', 'bg'), 'Водни растения');
});
