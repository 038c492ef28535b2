import { type ConceptIndex, joinReadings, type Reading, readText } from '../concepts/index.ts';
import type { RawContent } from '../generation-types.ts';
import { readBlocks, type TextBlock, type TextSpan } from '../text/index.ts';
import { kindOfPage, type PageKind } from './page-kind.ts';
import { judgeSentence } from './sentence-fitness.ts';

/** A sentence that may be quoted. `group` and `position` say where it stands: neighbours differ by one. */
export type Candidate = TextSpan & {
  readonly source: number;
  readonly group: number;
  readonly position: number;
  readonly heading: string;
  readonly isDependent: boolean;
  /** In the first paragraph of a page: where a subject is introduced. */
  readonly isLead: boolean;
  readonly reading: Reading;
  /** Of its whole paragraph and of the heading above. */
  readonly context: Reading;
  /** Of the heading above. */
  readonly part: Reading;
};

export type ReadSource = {
  readonly page: RawContent;
  readonly kind: PageKind;
  readonly title: Reading;
  readonly candidates: readonly Candidate[];
};

/** Paragraphs, and lists whose items are a sentence each: what is read in one go. */
function groupBlocks(blocks: readonly TextBlock[]): TextBlock[] {
  const groups: TextBlock[] = [];
  let isList = false;
  for (const block of blocks) {
    const last = groups.at(-1);
    const isSingle = block.sentences.length === 1;
    if (isList && isSingle && last?.headingNumber === block.headingNumber) {
      groups[groups.length - 1] = { ...last, sentences: [...last.sentences, ...block.sentences] };
    } else groups.push(block);
    isList = isSingle;
  }
  return groups;
}

const fingerprintOf = (terms: readonly string[]): string => terms.join(' ');

// Where two pages have the same sentence, the one that tells it in its own right is quoted.
const kindOrder: readonly PageKind[] = ['article', 'story', 'forum', 'listing', 'offer'];

function orderPages(pages: readonly { page: RawContent; kind: PageKind; blocks: TextBlock[] }[]) {
  const timeOf = (page: RawContent) => page.publishedAt?.getTime() ?? Number.MAX_SAFE_INTEGER;
  return pages.toSorted(
    (a, b) => kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind) || timeOf(a.page) - timeOf(b.page) || (a.page.id < b.page.id ? -1 : 1),
  );
}

/** Every sentence of the pages that may be quoted, the same sentence once. Offers are no sources. */
export function readCandidates(pages: readonly RawContent[], language: string, concepts: ConceptIndex): ReadSource[] {
  const read = pages
    .filter((page) => page.language === language)
    .map((page) => {
      const blocks = readBlocks(page.text, language);
      return { page, kind: kindOfPage(page, blocks), blocks };
    })
    .filter(({ kind }) => kind !== 'offer');
  const seen = new Set<string>();
  let group = 0;
  return orderPages(read).map(({ page, kind, blocks }, source) => {
    const candidates: Candidate[] = [];
    const alone = new Set(blocks.filter(({ sentences }) => sentences.length === 1).flatMap(({ sentences }) => sentences));
    const groups = groupBlocks(blocks);
    const lead = kind === 'article' || kind === 'story' ? groups.find(({ sentences }) => sentences.length > 1) : undefined;
    for (const block of groups) {
      group += 1;
      const part = readText(block.heading, language, concepts);
      const readings = block.sentences.map(({ text }) => readText(text, language, concepts));
      const context = joinReadings([part, ...readings]);
      for (const [position, sentence] of block.sentences.entries()) {
        const fitness = judgeSentence(sentence.text, {
          language,
          previous: block.sentences[position - 1]?.text,
          isAlone: alone.has(sentence),
          isStory: kind === 'story' || kind === 'forum',
        });
        const reading = readings[position];
        if (reading === undefined || fitness === 'unfit' || seen.has(fingerprintOf(reading.terms))) continue;
        seen.add(fingerprintOf(reading.terms));
        const isDependent = fitness === 'dependent';
        const place = { source, group, position, heading: block.heading, isLead: block === lead };
        candidates.push({ ...sentence, ...place, isDependent, reading, context, part });
      }
    }
    return { page, kind, title: readText(page.title, language, concepts), candidates };
  });
}
