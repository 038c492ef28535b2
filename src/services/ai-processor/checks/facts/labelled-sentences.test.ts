import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { loadPack } from '#platform/pack';
import { createFactReader } from './index.ts';
import { agreeing, contradicting, type LabelledSentence, silent } from './labelled-sentences.ts';

const { knowledge } = await loadPack(path.resolve(import.meta.dirname, '../../../../../packs/aquascaping'));
const read = createFactReader(knowledge);
const isFlagged = ({ text }: LabelledSentence) => read(text).some(({ verdict }) => verdict === 'contradicts');

for (const name of ['seen while the rules were written', 'held out'] as const) {
  const belongs = ({ isHeldOut }: LabelledSentence) => (isHeldOut === true) === (name === 'held out');

  test(`contradictions among the sentences ${name} are found`, (t) => {
    const wrong = contradicting.filter(belongs);
    const missed = wrong.filter((sentence) => !isFlagged(sentence));
    t.diagnostic(`recall ${wrong.length - missed.length} of ${wrong.length}`);
    assert.ok(missed.length <= wrong.length * 0.05, `missed:\n${missed.map(({ text }) => text).join('\n')}`);
  });

  test(`nothing true among the sentences ${name} is flagged`, () => {
    const flagged = [...agreeing, ...silent].filter(belongs).filter(isFlagged);
    assert.deepEqual(flagged, []);
  });

  test(`most statements among the sentences ${name} that the knowledge bears out are seen to agree`, () => {
    const right = agreeing.filter(belongs);
    const unseen = right.filter(({ text }) => !read(text).some(({ verdict }) => verdict === 'agrees'));
    assert.ok(unseen.length <= right.length * 0.2, unseen.map(({ text }) => text).join('\n'));
  });
}
