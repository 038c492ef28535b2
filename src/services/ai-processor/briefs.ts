import type { Pack } from '#platform/pack';
import type { Brief } from './generation-types.ts';

/** `key` is the topic's slug. */
export type KeyedBrief = Brief & { readonly key: string };

const defaultLanguage = 'en';

/** A brief for each topic of the pack. */
export function briefsOf(pack: Pick<Pack, 'topics'>): KeyedBrief[] {
  return pack.topics.map(({ slug, title, query, language, content_type, category, tags, headings }) => ({
    key: slug,
    title,
    query,
    language: language ?? defaultLanguage,
    contentType: content_type,
    category,
    tags,
    headings,
  }));
}
