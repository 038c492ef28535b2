import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Citation } from '#shared/article-text';
import { AppError } from '#shared/errors';
import { dropUnusedCitations, keepCitations, maxTextLength, toSections } from './sections.ts';

const citation = (ordinal: number): Citation => ({
  ordinal,
  rawContentId: '0199aaaa-bbbb-7ccc-8ddd-0123456789ab',
  startOffset: 0,
  endOffset: 5,
  quote: `quote ${ordinal}`,
  sourceUrl: 'https://example.org/a',
  sourceTitle: 'A',
  sourceAuthor: null,
});
const cited = (text: string, ...citations: number[]) => ({ text, citations });

test('a sentence that stands word for word in the new text keeps its citations', () => {
  assert.deepEqual(keepCitations('First. A cited one. Then more.', [cited('A cited one.', 3)]), [
    cited('First.'),
    cited('A cited one.', 3),
    cited('Then more.'),
  ]);
});

test('a sentence that was changed loses its citations', () => {
  assert.deepEqual(keepCitations('A cited 1.', [cited('A cited one.', 3)]), [cited('A cited 1.')]);
});

test('of two that begin alike the longer is found, and the order of the text decides', () => {
  const known = [cited('Low light.', 1), cited('Low light. No CO2.', 2), cited('Shrimp.', 3)];
  assert.deepEqual(keepCitations('Shrimp. Low light. No CO2. Low light.', known), [
    cited('Shrimp.', 3),
    cited('Low light. No CO2.', 2),
    cited('Low light.', 1),
  ]);
});

test('special characters of regular expressions in a sentence are only characters', () => {
  assert.deepEqual(keepCitations('pH 6.5 (±0.2)? Yes.', [cited('pH 6.5 (±0.2)?', 1)]), [cited('pH 6.5 (±0.2)?', 1), cited('Yes.')]);
});

test('a blank paragraph is dropped', () => {
  assert.deepEqual(toSections([{ heading: 'H', paragraphs: ['  ', 'x'] }], { sections: [], citations: [] }), [
    { heading: 'H', paragraphs: [[cited('x')]] },
  ]);
});

test('a citation that is not there is named with its place', () => {
  const input = [{ heading: 'H', paragraphs: ['plain', [cited('a', 1), cited('b', 1, 7)]] }];
  assert.throws(
    () => toSections(input, { sections: [], citations: [citation(1)] }),
    (error) => {
      assert.ok(error instanceof AppError);
      assert.deepEqual(
        error.fields.map(({ path }) => path),
        ['/sections/0/paragraphs/1/1/citations'],
      );
      return true;
    },
  );
});

test('a text that is too long as a whole is refused', () => {
  const paragraphs = Array.from({ length: 11 }, () => 'x'.repeat(maxTextLength / 10));
  assert.throws(() => toSections([{ heading: 'H', paragraphs }], { sections: [], citations: [] }), /too long/);
});

test('citations that lost their last sentence go; the others are numbered anew, in the sentences too', () => {
  const before = {
    citations: [citation(1), citation(2), citation(3), citation(4)],
    sections: [{ heading: '', paragraphs: [[cited('one', 1), cited('two', 2), cited('three', 3)]] }],
  };
  const after = dropUnusedCitations(before, [{ heading: '', paragraphs: [[cited('three', 3), cited('two', 2, 3)]] }]);
  assert.deepEqual(
    after.citations.map(({ ordinal, quote }) => [ordinal, quote]),
    [
      [1, 'quote 2'],
      [2, 'quote 3'],
      // Cited by no sentence before either: a source of the whole.
      [3, 'quote 4'],
    ],
  );
  assert.deepEqual(after.sections[0]?.paragraphs, [[cited('three', 2), cited('two', 1, 2)]]);
});
