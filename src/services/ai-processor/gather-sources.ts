import { type ConceptIndex, namesIn } from './concepts/index.ts';
import type { Brief, RawContent, SearchRawContent } from './generation-types.ts';

const pagesForBrief = 12;
const pagesForHeading = 6;
const maxPages = 30;
// A page longer than a book chapter is read as far as this; offsets into what is read are offsets into the whole.
const maxQueryLength = 2000;
const maxTextLength = 120_000;

/** The gathered pages that have most of the brief's words, or other names of what it names; those for the whole first. */
export async function gatherSources(brief: Brief, searchRawContent: SearchRawContent, concepts: ConceptIndex): Promise<RawContent[]> {
  const { language } = brief;
  const widen = (text: string) => [text, ...namesIn(text, language, concepts)].join(' ').slice(0, maxQueryLength);
  const found = await Promise.all([
    searchRawContent({ query: widen(`${brief.title} ${brief.query}`), language, limit: pagesForBrief }),
    ...brief.headings.map(({ heading, query }) =>
      searchRawContent({ query: widen(`${heading} ${query}`), language, limit: pagesForHeading }),
    ),
  ]);
  const pages = new Map<string, RawContent>();
  for (const page of found.flat()) {
    if (pages.size >= maxPages) break;
    const { id, url, title, author, publishedAt, text } = page;
    if (!pages.has(id)) pages.set(id, { id, url, title, author, publishedAt, language: page.language, text: text.slice(0, maxTextLength) });
  }
  return [...pages.values()];
}
