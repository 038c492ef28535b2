import type { Citation, Section } from '#shared/article-text';
import { truncate } from '#shared/text';
import { hostOf, webUrlOf } from './links.ts';

/** A citation mark: `id` is where a source's back link leads. */
export type Mark = { readonly id: string; readonly source: number };

/** Sentences in a row that rest on the same sources; the marks stand once, at their end. */
export type Run = { readonly text: string; readonly marks: readonly Mark[] };

export type SectionView = { readonly id: string; readonly heading: string; readonly paragraphs: readonly (readonly Run[])[] };

export type SourceView = {
  /** From 1, in the order in which the article first rests on them. */
  readonly number: number;
  readonly title: string;
  readonly author: string | null;
  readonly site: string | null;
  /** Null when the address is none that a reader can open. */
  readonly url: string | null;
  readonly quotes: readonly string[];
  /** Ids of the marks, in reading order. */
  readonly marks: readonly string[];
};

export type CitedText = { readonly sections: readonly SectionView[]; readonly sources: readonly SourceView[] };

const longestQuote = 600;

function numberSources(sections: readonly Section[], citations: readonly Citation[]) {
  const byOrdinal = new Map(citations.map((citation) => [citation.ordinal, citation]));
  const numbers = new Map<string, number>();
  const numberOf = ({ sourceUrl }: Citation): number => {
    const number = numbers.get(sourceUrl) ?? numbers.size + 1;
    numbers.set(sourceUrl, number);
    return number;
  };
  const sourcesOf = (ordinals: readonly number[]): number[] => {
    const cited = ordinals.map((ordinal) => byOrdinal.get(ordinal)).filter((citation) => citation !== undefined);
    return [...new Set(cited.map(numberOf))].sort((a, b) => a - b);
  };
  // In reading order first; what no sentence cites comes after.
  for (const { paragraphs } of sections) for (const { citations: ordinals } of paragraphs.flat()) sourcesOf(ordinals);
  for (const citation of citations) numberOf(citation);
  return { numberOf, sourcesOf };
}

/** Numbers the sources, and draws sentences that rest on the same ones together. */
export function viewText(sections: readonly Section[], citations: readonly Citation[]): CitedText {
  const { numberOf, sourcesOf } = numberSources(sections, citations);
  const marks = new Map<number, string[]>();
  const markFor = (source: number): Mark => {
    const ids = marks.get(source) ?? [];
    const id = `ref-${source}-${ids.length + 1}`;
    marks.set(source, [...ids, id]);
    return { id, source };
  };
  const runsOf = (paragraph: Section['paragraphs'][number]): Run[] => {
    const runs: { texts: string[]; sources: number[] }[] = [];
    for (const sentence of paragraph) {
      const sources = sourcesOf(sentence.citations);
      const last = runs.at(-1);
      if (last !== undefined && last.sources.join() === sources.join()) last.texts.push(sentence.text);
      else runs.push({ texts: [sentence.text], sources });
    }
    return runs.map(({ texts, sources }) => ({ text: texts.join(' '), marks: sources.map(markFor) }));
  };
  const views = sections.map(({ heading, paragraphs }, index) => ({
    id: `section-${index + 1}`,
    heading,
    paragraphs: paragraphs.filter((paragraph) => paragraph.length > 0).map(runsOf),
  }));
  const sources = [...Map.groupBy(citations, numberOf)].sort(([a], [b]) => a - b);
  return {
    sections: views,
    sources: sources.map(([number, [first, ...others]]) => ({
      number,
      title: first?.sourceTitle.trim() || first?.sourceUrl || '',
      author: first?.sourceAuthor ?? null,
      site: hostOf(first?.sourceUrl ?? ''),
      url: webUrlOf(first?.sourceUrl ?? ''),
      quotes: [...new Set([first, ...others].map((citation) => truncate(citation?.quote ?? '', longestQuote)))].filter(
        (quote) => quote !== '',
      ),
      marks: marks.get(number) ?? [],
    })),
  };
}
