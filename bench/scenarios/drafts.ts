import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { loadPack, type Pack } from '#platform/pack';
import { type Brief, briefsOf, composeDraft, type RawContent } from '#services/ai-processor';
import { extractPage } from '#services/web-scraper';
import { countWords } from '#shared/text';
import { formatTable } from '../../src/app/table.ts';
import type { BenchResult } from '../bench.ts';

const bars = { topicsWritten: 12, onTopic: 0.9, sources: 2, quality: 0.9, toExtraction: 10 };

const packFolder = path.resolve(import.meta.dirname, '../../packs/aquascaping');
const now = new Date('2026-11-24T00:00:00Z');

/** In these a sentence names what it is about. */
const openingWords = 8;

// In an article on aquariums these words say nothing of what a sentence is about.
const everywhere = new Set(
  (
    'a an and are as at be by for from in into is it its no not of on or so than that the their them they this to two what when which while who why with without your how much ' +
    'long often stay back new good best first step plant planted aquarium tank water keep need choose add take make right care'
  ).split(' '),
);

/** Crude on purpose, and not the writer's own: the measure must not share the writer's mistakes. */
const stem = (word: string): string => word.replace(/(?:ies|y)$/, 'i').replace(/(?:ing|ed|es|s|e|ation|er)$/, '');
const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
const tellingStems = (text: string): Set<string> =>
  new Set(
    wordsOf(text)
      .filter((word) => word.length > 2 && !everywhere.has(word) && !everywhere.has(word.replace(/s$/, '')))
      .map(stem),
  );

/** Of this process: what else the machine does must not decide a bar. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

type Manifest = { readonly pages: readonly { readonly host: string; readonly path: string }[] };

/** The pages of the sample web as a polite visitor gathers them, without a server. */
function readSampleWeb(): { readonly pages: RawContent[]; readonly extractionMs: number } {
  const root = path.join(packFolder, 'sample-web');
  const manifest: Manifest = parse(readFileSync(path.join(root, 'manifest.yaml'), 'utf8'));
  const startedAt = cpuMs();
  const pages = manifest.pages.map(({ host, path: pagePath }, index) => {
    const bytes = readFileSync(path.join(root, host, `${pagePath === '/' ? '/index' : pagePath}.html`));
    const encoding = /charset=["']?iso-8859-1/i.test(bytes.toString('latin1')) ? 'latin1' : 'utf8';
    const html = new TextDecoder(encoding)
      .decode(bytes)
      .replace(/\{\{origin(?::([^}]+))?\}\}/g, (_, other?: string) => `http://${other ?? host}`);
    const url = `http://${host}${pagePath}`;
    const { title, author, publishedAt, language, text } = extractPage({ html, url, now });
    return { id: `page-${index}`, url, title, author, publishedAt, language, text };
  });
  return { pages, extractionMs: cpuMs() - startedAt };
}

/** Has a sentence any word of what was asked, or any other name of what was asked by name? */
function createTopicTest(text: string, { knowledge }: Pack): (sentence: string) => boolean {
  const asked = text.toLowerCase();
  const stems = tellingStems(asked);
  const species = [...knowledge.plants, ...knowledge.animals].map((entry) => [
    entry.scientific_name,
    ...entry.synonyms,
    ...entry.common_names,
  ]);
  const things = [...knowledge.equipment, ...knowledge.techniques, ...knowledge.problems].map(({ name, aliases }) => [name, ...aliases]);
  const names = [...species, ...things]
    .map((group) => group.map((name) => name.toLowerCase()))
    .filter((group) => group.some((name) => asked.includes(name)))
    .flat();
  return (sentence) => {
    const lower = sentence.toLowerCase();
    return wordsOf(lower).some((word) => stems.has(stem(word))) || names.some((name) => lower.includes(name));
  };
}

type Row = {
  readonly topic: string;
  readonly words: number;
  readonly sections: string;
  readonly sources: number;
  readonly largestSource: number;
  /** Of the sentences, those that have a word or name of the topic or the heading. */
  readonly onTopic: number;
  /** Of the paragraphs, those whose first words have one of the heading. */
  readonly opensOnHeading: number;
  readonly quality: number;
  readonly ms: number;
};

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
const share = (facts: readonly boolean[]): number => mean(facts.map((fact) => (fact ? 1 : 0)));
const round = (value: number): number => Math.round(value * 1000) / 1000;

function measure(brief: Brief, pages: readonly RawContent[], pack: Pack): Row | undefined {
  const startedAt = cpuMs();
  const outcome = composeDraft({ brief, pages, pack });
  const ms = Math.round(cpuMs() - startedAt);
  if (outcome.kind === 'declined') return undefined;
  const { sections, citations } = outcome.article;
  const judged = sections.flatMap(({ heading, paragraphs }) => {
    const asked = brief.headings.find((one) => one.heading === heading) ?? { heading, query: '' };
    const isOnTopic = createTopicTest(`${brief.title} ${brief.query} ${asked.heading} ${asked.query}`, pack);
    const isOnHeading = createTopicTest(`${asked.heading} ${asked.query}`, pack);
    return paragraphs.flatMap((paragraph) =>
      paragraph.map(({ text }, index) => ({
        words: countWords(text),
        isOnTopic: isOnTopic(text),
        ...(index === 0 && { opensOnHeading: isOnHeading(text.split(/\s+/, openingWords).join(' ')) }),
      })),
    );
  });
  const openings = judged.flatMap(({ opensOnHeading }) => opensOnHeading ?? []);
  const bySource = new Map<string, number>();
  for (const { rawContentId } of citations) bySource.set(rawContentId, (bySource.get(rawContentId) ?? 0) + 1);
  return {
    topic: brief.title,
    words: judged.reduce((sum, { words }) => sum + words, 0),
    sections: `${sections.length}/${brief.headings.length}`,
    sources: bySource.size,
    largestSource: round(Math.max(...bySource.values()) / citations.length),
    onTopic: round(share(judged.map(({ isOnTopic }) => isOnTopic))),
    opensOnHeading: round(share(openings)),
    quality: outcome.quality.qualityScore,
    ms,
  };
}

/** Articles on all topics of the pack from its sample web: what is written of what was asked, from how many pages, and how much of it is to the point. */
export async function run(): Promise<BenchResult> {
  const pack = await loadPack(packFolder);
  const { pages, extractionMs } = readSampleWeb();
  const briefs = briefsOf(pack);
  const startedAt = cpuMs();
  const rows = briefs.flatMap((brief) => measure(brief, pages, pack) ?? []);
  const totalMs = cpuMs() - startedAt;
  const columns = ['topic', 'words', 'sections', 'sources', 'largestSource', 'onTopic', 'opensOnHeading', 'quality', 'ms'] as const;
  console.log(
    formatTable(
      [...columns],
      rows.map((row) => columns.map((column) => String(row[column]))),
    ),
  );

  const asked = briefs.reduce((sum, { headings }) => sum + headings.length, 0);
  const sectionsWritten = rows.reduce((sum, { sections }) => sum + Number(sections.split('/')[0]), 0);
  const onTopic = round(mean(rows.map((row) => row.onTopic)));
  const fewestSources = Math.min(...rows.map(({ sources }) => sources));
  const quality = round(mean(rows.map((row) => row.quality)));
  const toExtraction = round(totalMs / extractionMs);
  return {
    bench: 'drafts',
    ratios: { all_topics_to_extraction_of_pages: toExtraction },
    figures: {
      topics: briefs.length,
      pages: pages.length,
      sections_of_asked: round(sectionsWritten / asked),
      mean_words: Math.round(mean(rows.map(({ words }) => words))),
      mean_sources: round(mean(rows.map(({ sources }) => sources))),
      mean_largest_source: round(mean(rows.map(({ largestSource }) => largestSource))),
      paragraphs_that_open_on_heading: round(mean(rows.map(({ opensOnHeading }) => opensOnHeading))),
      mean_ms: Math.round(totalMs / briefs.length),
    },
    bars: [
      { name: 'topics written', want: `>= ${bars.topicsWritten}`, got: rows.length, ok: rows.length >= bars.topicsWritten },
      { name: 'sentences on topic', want: `>= ${bars.onTopic}`, got: onTopic, ok: onTopic >= bars.onTopic },
      { name: 'fewest sources of an article', want: `>= ${bars.sources}`, got: fewestSources, ok: fewestSources >= bars.sources },
      { name: 'mean quality', want: `>= ${bars.quality}`, got: quality, ok: quality >= bars.quality },
      { name: 'time to that of extraction', want: `< ${bars.toExtraction}`, got: toExtraction, ok: toExtraction < bars.toExtraction },
    ],
  };
}
