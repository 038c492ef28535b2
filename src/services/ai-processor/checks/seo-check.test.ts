import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOutSections, type Section } from '#shared/article-text';
import type { CheckInput } from './check-types.ts';
import { checkSeo } from './seo-check.ts';

const sentence = 'Carpet plants such as hairgrass root in fine soil and close their lawn within some weeks under steady light.';
const filler = [
  'You set small portions two fingers apart and press them in at a slant.',
  'Curved scissors keep the height down, and a net catches what floats.',
  'Fresh water every few days takes away what the young soil gives off.',
  'Runners appear after a fortnight when the roots have found their hold.',
];
const body = (paragraphs: number): Section['paragraphs'] =>
  Array.from({ length: paragraphs }, (_, index) => [sentence, ...filler.slice(index % 2)].map((text) => ({ text, citations: [] })));

const input = (more: Partial<CheckInput> = {}): CheckInput => ({
  title: 'Carpet plants: how hairgrass closes its lawn',
  metaDescription:
    'How to plant hairgrass and other carpets in fine soil, how far apart, and how to keep the lawn dense and low for years.',
  language: 'en',
  contentType: 'guide',
  sections: [
    { heading: 'Planting', paragraphs: body(4) },
    { heading: 'Care', paragraphs: body(4) },
  ],
  tags: ['carpet-plants'],
  ...more,
});

function run(more: Partial<CheckInput> = {}) {
  const article = input(more);
  const { text, blocks } = layOutSections(article.sections);
  const { score, findings } = checkSeo(article, text, blocks);
  return { score, text, findings, messages: findings.map(({ message }) => message).join('\n') };
}

test('an article with title, description, headings and length has nothing to mend', () => {
  const { score, messages } = run();
  assert.equal(messages, '');
  assert.equal(score, 1);
});

test('titles and descriptions that are missing, short or long are named with their length', () => {
  assert.match(run({ title: 'Carpet' }).messages, /The title has 6 characters; search engines show it best with 30–65\./);
  assert.match(run({ title: 'Carpet plants and hairgrass '.repeat(5) }).messages, /The title has 139 characters/);
  const missing = run({ metaDescription: '  ' });
  assert.match(missing.messages, /The meta description is missing\./);
  assert.ok(missing.score <= 0.85);
  assert.match(run({ metaDescription: input().title }).messages, /repeats the title/);
});

test('headings that are missing or stand twice are named', () => {
  assert.match(run({ sections: [{ heading: '', paragraphs: body(8) }] }).messages, /needs headings; it has 0/);
  const { findings, text } = run({
    sections: [
      { heading: 'Planting', paragraphs: body(4) },
      { heading: 'planting', paragraphs: body(4) },
    ],
  });
  const twice = findings.find(({ message }) => message.includes('stands twice'));
  assert.equal(text.slice(twice?.start ?? 0, twice?.end ?? 0), 'planting');
});

test('length is measured by the type of content, and a fragment scores next to nothing', () => {
  const short: Section[] = [{ heading: 'Planting', paragraphs: body(2) }];
  assert.match(run({ sections: short }).messages, /words; a guide should have at least 350/);
  assert.doesNotMatch(run({ sections: short, contentType: 'news' }).messages, /should have at least/);
  assert.ok(run({ sections: [{ heading: 'Planting', paragraphs: [[{ text: sentence, citations: [] }]] }] }).score < 0.15);
});

test('a title that the text does not answer, stuffed words and walls of text are named', () => {
  assert.match(
    run({ title: 'Breeding discus in brackish lagoons' }).messages,
    /does not use these words of its title: breeding, discus, brackish, lagoons/,
  );
  const stuffed = Array.from({ length: 40 }, () => ({ text: 'Hairgrass hairgrass is hairgrass.', citations: [] }));
  const { messages } = run({
    sections: [
      { heading: 'One', paragraphs: body(4) },
      { heading: 'Two', paragraphs: [stuffed] },
    ],
  });
  assert.match(messages, /"hairgras" is \d+ % of the words/);
  assert.match(
    run({
      sections: [
        { heading: 'One', paragraphs: [body(4).flat()] },
        { heading: 'Two', paragraphs: body(3) },
      ],
    }).messages,
    /A paragraph of \d+ words/,
  );
  assert.match(run({ tags: [] }).messages, /has no tags/);
});
