import type { Pack } from '#platform/pack';
import type { Brief, RawContent } from './generation-types.ts';
import { type CheckedOutcome, run } from './writing-worker.ts';

/** The extractive writer by itself, in this thread: no database, no job, no model. The same pages and brief give the same article. */
export function composeDraft({ brief, pages, pack }: { brief: Brief; pages: readonly RawContent[]; pack: Pack }): CheckedOutcome {
  const { knowledge, voice, tags, topics } = pack;
  const result = run({ kind: 'compose', brief, pages, reference: { key: pack.folder, knowledge, voice, tags, topics } });
  if (result.kind !== 'outcome') throw new TypeError(`Composing a draft answered with "${result.kind}".`);
  return result.outcome;
}
