import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { extractPage } from '#services/web-scraper';
import type { BenchResult } from '../bench.ts';

/** Readability alone, as published for the whole set that our pages are a sample of. */
const readabilityF1 = 0.675;
const wantedF1 = 0.75;

const dataFolder = path.resolve(import.meta.dirname, '../../../shared/data/web-pages');
const now = new Date('2026-11-24T00:00:00Z');

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];

/** Harmonic mean of precision and recall over words, each counted as often as it occurs. */
function wordF1(found: string, expected: string): number {
  const left = new Map<string, number>();
  const expectedWords = wordsOf(expected);
  for (const word of expectedWords) left.set(word, (left.get(word) ?? 0) + 1);
  const foundWords = wordsOf(found);
  let shared = 0;
  for (const word of foundWords) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    shared += 1;
    left.set(word, count - 1);
  }
  return shared === 0 ? 0 : (2 * shared) / (foundWords.length + expectedWords.length);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
const round = (value: number): number => Math.round(value * 1000) / 1000;

/** The text that extraction finds in 450 real pages against the text that a person would keep, as word F1, over all and per kind. */
export async function run(): Promise<BenchResult> {
  if (!existsSync(path.join(dataFolder, 'index.json'))) {
    console.error(`The pages to measure with are not at ${dataFolder}; nothing was measured.`);
    return { bench: 'extraction', ratios: {}, figures: { pages: 0 }, bars: [] };
  }
  const kinds: Record<string, string> = JSON.parse(readFileSync(path.join(dataFolder, 'index.json'), 'utf8'));
  const scores = new Map<string, number[]>();
  const durationsMs: number[] = [];
  for (const [id, kind] of Object.entries(kinds)) {
    const html = gunzipSync(readFileSync(path.join(dataFolder, 'html', `${id}.html.gz`))).toString('utf8');
    const expected: { url: string; mainContent: string } = JSON.parse(
      readFileSync(path.join(dataFolder, 'expected', `${id}.json`), 'utf8'),
    );
    const startedAt = performance.now();
    const { text } = extractPage({ html, url: expected.url || 'https://example.com/', now });
    durationsMs.push(performance.now() - startedAt);
    scores.set(kind, [...(scores.get(kind) ?? []), wordF1(text, expected.mainContent)]);
  }
  const overall = mean([...scores.values()].flat());
  return {
    bench: 'extraction',
    ratios: { f1_to_readability: round(overall / readabilityF1) },
    figures: {
      pages: durationsMs.length,
      f1: round(overall),
      ...Object.fromEntries([...scores].map(([kind, values]) => [`f1_${kind}`, round(mean(values))])),
      mean_ms: Math.round(mean(durationsMs)),
      slowest_ms: Math.round(Math.max(...durationsMs)),
    },
    bars: [{ name: 'word F1', want: `> ${wantedF1}`, got: round(overall), ok: overall > wantedF1 }],
  };
}
