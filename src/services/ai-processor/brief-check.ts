import { Ajv } from 'ajv';
import type { Pack } from '#platform/pack';
import { invalid } from '#shared/errors';
import { findTextFaults } from '#shared/storable-text';
import { BriefSchema } from './generation-schema.ts';
import type { Brief } from './generation-types.ts';

const isValid = new Ajv({ allErrors: true, strict: false }).compile(BriefSchema);

/** Whoever asks, over HTTP or from a command. @throws AppError `invalid_request` (422) that names each field */
export function checkBrief(brief: Brief, pack: Pick<Pack, 'categories' | 'tags'>): void {
  const shapeFaults = isValid(brief) ? [] : (isValid.errors ?? []);
  const fields = [
    ...findTextFaults(brief),
    ...shapeFaults.map(({ instancePath, message = 'is not valid' }) => ({ path: instancePath || '/', message })),
  ];
  const slugs = pack.categories.map(({ slug }) => slug);
  if (brief.category !== null && !slugs.includes(brief.category)) {
    fields.push({ path: '/category', message: `must be one of ${slugs.join(', ')}` });
  }
  const tags = pack.tags.map(({ slug }) => slug);
  for (const [index, tag] of brief.tags.entries()) {
    if (!tags.includes(tag)) fields.push({ path: `/tags/${index}`, message: `must be one of ${tags.join(', ')}` });
  }
  if (fields.length === 0) return;
  throw invalid(`The brief is not valid: ${fields.map(({ path, message }) => `${path} ${message}`).join('; ')}.`, fields);
}
