import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOutSections } from '#shared/article-text';
import { checkText } from './check-text.ts';

test('the text that is handed back is the one in which the checks count', async () => {
  // A heading without a word makes a section of nothing.
  const text = '# \n\nOne two. Three four.\n\n#\n\n# Heading\nFive\nsix.\n\nSeven.';
  let checked = '';
  const result = await checkText({ title: 'Title', text }, 'en', async ({ sections }) => {
    checked = layOutSections(sections).text;
    const start = checked.indexOf('Five six.');
    const finding = { message: 'here', start, end: start + 'Five six.'.length, severity: 'warning' } as const;
    return { qualityScore: 1, checks: [{ name: 'facts', score: 1, weight: 1, findings: [finding] }] };
  });
  assert.equal(result.text, checked);
  const finding = result.checks[0]?.findings[0];
  assert.equal(result.text.slice(finding?.start ?? 0, finding?.end ?? 0), 'Five six.');
});
