import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOutSections, plainTextOf, type Section } from './article-text.ts';

const section = (heading: string, ...paragraphs: string[][]): Section => ({
  heading,
  paragraphs: paragraphs.map((sentences) => sentences.map((text) => ({ text, citations: [1] }))),
});

test('every block stands in the plain text where it says', () => {
  const sections = [section('Light', ['One.', 'Two.'], ['Three.']), section('', ['Four.']), section('Empty'), section('', [], ['Five.'])];
  const { text, blocks } = layOutSections(sections);
  assert.equal(text, 'Light\n\nOne. Two.\n\nThree.\n\nFour.\n\nEmpty\n\nFive.');
  assert.equal(plainTextOf(sections), text);
  for (const block of blocks) assert.ok(text.startsWith(block.text, block.start), block.text);
  assert.deepEqual(
    blocks.map(({ kind, section: number }) => `${kind} ${number}`),
    ['heading 0', 'paragraph 0', 'paragraph 0', 'paragraph 1', 'heading 2', 'paragraph 3'],
  );
});

test('a section of nothing parts its neighbours by one blank line more, as stored texts have it', () => {
  assert.equal(plainTextOf([section('A'), section(''), section('B')]), 'A\n\n\n\nB');
  assert.equal(plainTextOf([]), '');
});
