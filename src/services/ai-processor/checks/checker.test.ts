import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { loadPack } from '#platform/pack';
import type { CheckName, Section } from '#shared/article-text';
import { type CheckInput, checkWeights, createChecker } from './index.ts';

const pack = await loadPack(path.resolve(import.meta.dirname, '../../../../packs/aquascaping'));
const checker = createChecker(pack);

const section = (heading: string, ...paragraphs: string[][]): Section => ({
  heading,
  paragraphs: paragraphs.map((sentences) => sentences.map((text) => ({ text, citations: [1] }))),
});

const description =
  'Which plants keep growing in weak light, how to fasten or plant them, and what to do in their first months in the tank.';
const good = [
  section(
    'Plants for wood and stone',
    [
      'Java fern grows slowly and is content with low light.',
      'It prefers 20–28 °C and a pH of 6.0–7.5.',
      'Tie the rhizome to wood with a cotton thread, because a buried rhizome rots within weeks.',
      'You can part a large plant with a clean knife and keep both halves.',
    ],
    [
      'Anubias nana does well in the shade of a branch.',
      'Strong light only brings algae to its slow leaves.',
      'A new leaf opens every three or four weeks.',
    ],
  ),
  section(
    'Plants for the ground',
    [
      'Cryptocoryne wendtii feeds through its roots, so a root tab beside each plant makes its leaves wider.',
      'Many crypts lose their leaves after a move.',
      'Leave the roots where they are, and new leaves follow after two to four weeks.',
    ],
    ['Vallisneria spiralis fills the background with ribbons of 30–60 cm.', 'It likes neutral to hard water and spreads by runners.'],
  ),
  section(
    'The first months',
    [
      'Run the lamp for six hours a day and watch the glass.',
      'Add half an hour each week while algae stay away.',
      'Change a third of the water every week.',
      'Slow plants need little food, and half of the dose on the label is a good start.',
    ],
    [
      'Old leaves with algae never become clean again, so cut them off at the base.',
      'After three months the plants have settled, and the tank asks for little more than a weekly look.',
    ],
  ),
];

const article = (sections: readonly Section[], more: Partial<CheckInput> = {}): CheckInput => ({
  title: 'Low-light plants for a calm beginner aquarium',
  metaDescription: description,
  language: 'en',
  contentType: 'care_sheet',
  sections,
  tags: ['low-light'],
  ...more,
});

const scoreOf = (input: CheckInput, name: CheckName) => checker.check(input).checks.find((check) => check.name === name)?.score ?? -1;

test('the weights add up to one and the quality score is their mean', () => {
  assert.equal(
    Object.values(checkWeights)
      .reduce((sum, weight) => sum + weight, 0)
      .toFixed(6),
    '1.000000',
  );
  const { qualityScore, checks } = checker.check(article(good));
  const mean = checks.reduce((sum, { score, weight }) => sum + score * weight, 0);
  assert.ok(Math.abs(qualityScore - mean) < 0.001);
  assert.deepEqual(
    checks.map(({ name }) => name),
    ['facts', 'brand_voice', 'readability', 'seo'],
  );
});

test('a decent article scores well in every check', () => {
  const { qualityScore, checks } = checker.check(article(good));
  for (const { name, score, findings } of checks)
    assert.ok(score >= 0.8, `${name} ${score}: ${findings.map(({ message }) => message).join(' | ')}`);
  assert.ok(qualityScore >= 0.9, `${qualityScore}`);
});

test('one contradiction is named with its place and keeps the article under 0.7', () => {
  const wrong = 'Java fern is happiest at a temperature of 35 °C.';
  const sections = [...good, section('A last word', ['You are nearly there.', wrong])];
  const { qualityScore, checks } = checker.check(article(sections));
  const finding = checks[0]?.findings.find(({ severity }) => severity === 'error');
  assert.match(finding?.message ?? '', /"35 °C".*18–30 °C \(plants\.yaml, java-fern, temperature_c\)/);
  const text = sections
    .map(({ heading, paragraphs }) =>
      [heading, ...paragraphs.map((sentences) => sentences.map((sentence) => sentence.text).join(' '))]
        .filter((part) => part !== '')
        .join('\n\n'),
    )
    .join('\n\n');
  assert.equal(text.slice(finding?.start ?? 0, finding?.end ?? 0), '35 °C');
  assert.ok((checks[0]?.score ?? 1) <= 0.5 && qualityScore < 0.7, `${qualityScore}`);
});

test('two contradictions leave next to nothing of the facts, and "it" under a heading is understood', () => {
  const sections = [...good, section('Neon tetra', ['It does best at a pH of 9.2.', 'Anubias nana needs strong light.'])];
  assert.ok(scoreOf(article(sections), 'facts') <= 0.1);
});

test('facts are left alone in other languages', () => {
  const bulgarian = [section('Папрат', ['Java fern is happiest at 35 °C.', 'Явайската папрат расте при 35 °C.'])];
  assert.equal(scoreOf(article(bulgarian, { language: 'bg' }), 'facts'), 1);
});

test('sentences are judged by themselves, with positions in them', () => {
  const text = 'Neon tetras prefer 20–26 °C. Neon tetra groups do best at a pH of 9.2.';
  const [finding, ...others] = checker.findContradictions(text);
  assert.deepEqual(
    [text.slice(finding?.start, finding?.end), finding?.entryId, finding?.field, others.length],
    ['pH of 9.2', 'neon-tetra', 'ph', 0],
  );
  assert.deepEqual(checker.findContradictions(''), []);
});

test('empty, huge and hostile texts are checked without a fault', () => {
  const hostile = [
    '',
    '\u0000',
    '<script>alert(1)</script>',
    "'; DROP TABLE articles; --",
    '💧'.repeat(500),
    'Java fern, '.repeat(3000),
    `Java fern is ${'very '.repeat(3000)}easy`,
    'İ'.repeat(300),
    '('.repeat(2000),
    'pH '.repeat(2000),
  ];
  for (const text of hostile) {
    const { qualityScore, checks } = checker.check(article([section(text, [text])], { title: text, metaDescription: text, tags: [] }));
    assert.ok(qualityScore >= 0 && qualityScore <= 1);
    for (const { start, end } of checks.flatMap(({ findings }) => findings)) assert.ok(start === null || end === null || start < end);
  }
  assert.equal(checker.check(article([])).qualityScore < 0.7, true);
  assert.ok(checker.check(article([section('', [''])])).qualityScore < 0.7);
});
