import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOutSections } from '#shared/article-text';
import { checkReadability } from './readability-check.ts';
import {
  automatedReadabilityIndex,
  colemanLiauIndex,
  countText,
  fleschKincaidGrade,
  fleschReadingEase,
  gradeOfRix,
  gunningFog,
  lix,
  rix,
  smogGrade,
} from './readability-formulas.ts';

const band = { min: 6, max: 11 };
const blocksOf = (text: string) => layOutSections([{ heading: 'Heading', paragraphs: [[{ text, citations: [] }]] }]).blocks;

test('text is counted as the formulas define it', () => {
  const counts = countText(['The cat sat on the mat. Photosynthesis feeds every animal, and well-lit plants grow.'], 'en');
  assert.deepEqual(counts, { sentences: 2, words: 14, letters: 67, syllables: 22, polysyllables: 2, hardWords: 2, longWords: 2 });
});

test('the formulas give what their definitions give', () => {
  const counts = { sentences: 10, words: 200, letters: 900, syllables: 300, polysyllables: 30, hardWords: 20, longWords: 50 };
  const close = (value: number, expected: number) => assert.ok(Math.abs(value - expected) < 0.01, `${value} is not ${expected}`);
  close(fleschReadingEase(counts), 206.835 - 20.3 - 126.9);
  close(fleschKincaidGrade(counts), 7.8 + 17.7 - 15.59);
  close(gunningFog(counts), 12);
  close(smogGrade(counts), 3.1291 + 1.043 * Math.sqrt(90));
  close(colemanLiauIndex(counts), 26.46 - 1.48 - 15.8);
  close(automatedReadabilityIndex(counts), 21.195 + 10 - 21.43);
  close(lix(counts), 45);
  close(rix(counts), 5);
  assert.deepEqual([0.2, 2.4, 3.05, 50].map(gradeOfRix), [1, 6, 7, 15]);
});

const easy =
  'You can see the red fish. It is in the tank. The fish is fast. You can feed it now. It will eat the food. Then it will rest in the moss. '.repeat(
    2,
  );
const fair =
  'Java fern takes its nutrients from the water, so you fasten it to wood and never bury it. A thread of cotton holds the plant until its own roots have gripped the branch. Old leaves with dark marks are cut at the base, and young plants on their tips can be moved to another stone. ';
const hard =
  'Notwithstanding considerable physiological variability, photosynthetic productivity in submerged macrophytes correlates substantially with bicarbonate availability, whereas insufficient concentrations necessitate supplementary fertilisation strategies whose implementation unquestionably demands extraordinarily meticulous observation. '.repeat(
    2,
  );

test('text within the wanted grades scores full, easier and harder text less, and the hardest sentences are pointed at', () => {
  assert.equal(checkReadability(blocksOf(fair), 'en', band).score, 1);
  assert.ok(checkReadability(blocksOf(easy), 'en', band).score < 0.7);
  const { score, findings } = checkReadability(blocksOf(hard), 'en', band);
  assert.equal(score, 0);
  assert.match(findings[0]?.message ?? '', /Reading grade \d+\.\d is above the wanted 6–11 \(Flesch reading ease/);
  assert.ok(findings.some(({ start, end }) => start === 'Heading\n\n'.length && end !== null && end > start));
});

test('other languages are measured by long words and long sentences', () => {
  const text =
    'Растенията правят аквариума жив и дават укритие на рибите. Всяка седмица се сменя една трета от водата. Гъбата на филтъра се изплаква в кофа. Лампата свети шест часа на ден, а растенията растат бавно и спокойно.';
  const { score, findings } = checkReadability(blocksOf(text), 'bg', band);
  assert.ok(score >= 0.8, `${score}`);
  assert.match(findings[0]?.message ?? '', /LIX \d+, RIX \d/);
});

test('a fragment cannot be measured and scores nothing', () => {
  const { score, findings } = checkReadability(blocksOf('Too short to say.'), 'en', band);
  assert.equal(score, 0);
  assert.match(findings[0]?.message ?? '', /4 words the text is too short/);
});
