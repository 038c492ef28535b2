import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Voice } from '#platform/pack';
import { layOutSections } from '#shared/article-text';
import { createBrandVoiceCheck } from './brand-voice-check.ts';
import { hasPassive } from './language/index.ts';

const voice: Voice = {
  name: 'Test',
  description: '',
  person: 'second',
  tone: [],
  banned_phrases: [
    { phrase: 'delve', reason: 'machine-prose verb', suggestion: 'look into' },
    { phrase: "it's important to note that", reason: 'filler', suggestion: 'state the point' },
    { phrase: 'must-have', reason: 'sales talk', suggestion: 'useful' },
  ],
  preferred_terms: [
    { avoid: ['fish tank'], use: 'aquarium' },
    { avoid: ['PH', 'Ph'], use: 'pH', case_sensitive: true },
  ],
  exclamation_marks_per_1000_words_max: 1,
  all_caps_words_max: 1,
  sentence_words_max: 12,
  passive_share_max: 0.2,
  reading_grade: { min: 6, max: 11 },
};
const check = createBrandVoiceCheck(voice, ['HC Cuba', 'BBA']);

function run(text: string, language = 'en') {
  const layout = layOutSections([{ heading: '', paragraphs: [[{ text, citations: [] }]] }]);
  const { score, findings } = check(layout.text, layout.blocks, language);
  const spots = findings.filter(({ start }) => start !== null).map(({ start, end }) => layout.text.slice(start ?? 0, end ?? 0));
  return { score, spots, messages: findings.map(({ message }) => message).join('\n') };
}

test('banned phrases are found in all their forms, with the suggestion and the place', () => {
  const { spots, messages, score } = run('We are delving deep. It’s important to  note that a must have item helps.');
  assert.deepEqual(spots, ['delving', 'It’s important to  note that', 'must have']);
  assert.match(messages, /"delve" is a banned phrase \(machine-prose verb\)\. Instead: look into\./);
  assert.ok(score < 0.75);
});

test('terms to avoid keep to word boundaries and to case where the voice says so', () => {
  assert.deepEqual(run('A fish tank has a PH. A pH and fish tanked up do not count.').spots, ['fish tank', 'PH']);
});

test('exclamation marks and capitals count only beyond what is allowed, and acronyms of the subject are no shouting', () => {
  assert.deepEqual(run('Good! Better! Best!').spots, ['!', '!']);
  assert.deepEqual(run('Use CO2, LED, HC and BBA. NEVER do it. ALWAYS look.').spots, ['ALWAYS']);
});

test('long sentences, first person and a large share of passives are named', () => {
  assert.equal(run('I keep my plants in one large tank with many stones and some wood from the forest.').spots.length, 3);
  const passive = 'The tank is filled. The lamp is switched on. The plants were trimmed. Moss is tied down. Fish swim.';
  assert.match(run(passive).messages, /80 % of the sentences are in the passive/);
  assert.equal(run(passive, 'bg').messages, '');
  assert.equal(run('Plants grow and you trim them.').score, 1);
});

test('the passive is told from adjectives and from the active voice', () => {
  for (const text of ['The moss is usually tied with thread.', 'Leaves have been eaten.', 'Tabs get pushed in.'])
    assert.ok(hasPassive(text), text);
  for (const text of ['The leaves are red.', 'You need light.', 'It is based on soil.', 'Plants are green and speed is good.'])
    assert.ok(!hasPassive(text), text);
});
