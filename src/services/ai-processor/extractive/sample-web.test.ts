import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { loadPack, type Pack } from '#platform/pack';
import { countWords } from '#shared/text';
import { run as extract } from '../../web-scraper/extraction/extract-worker.ts';
import { briefsOf, type KeyedBrief } from '../briefs.ts';
import { createChecker } from '../checks/index.ts';
import { type ConceptIndex, createConceptIndex } from '../concepts/index.ts';
import type { Brief, RawContent, WrittenArticle } from '../generation-types.ts';
import { composeArticle, selectPassages } from './index.ts';

const packFolder = path.resolve(import.meta.dirname, '../../../../packs/aquascaping');

type Manifest = {
  readonly pages: readonly { readonly host: string; readonly path: string; readonly must_not_contain: readonly string[] }[];
  readonly planted_errors: readonly string[];
  readonly never_publish: readonly string[];
};

let pack: Pack;
let manifest: Manifest;
let pages: RawContent[];
let concepts: ConceptIndex;
let isContradicted: (sentence: string) => boolean;
let articles: Map<KeyedBrief, WrittenArticle>;

async function readPage(host: string, pagePath: string, index: number): Promise<RawContent> {
  const file = path.join(packFolder, 'sample-web', host, `${pagePath === '/' ? '/index' : pagePath}.html`);
  // Byte for byte: one page is in ISO 8859-1.
  const html = (await readFile(file, 'latin1')).replace(/\{\{origin(?::([^}]+))?\}\}/g, (_, other?: string) => `http://${other ?? host}`);
  const url = `http://${host}${pagePath}`;
  const page = extract({ body: Buffer.from(html, 'latin1'), contentType: 'text/html', url, now: new Date() });
  const { title, author, publishedAt, language, text } = page;
  return { id: `page-${index}`, url, title, author, publishedAt, language, text };
}

const free = (title: string, language = 'en'): Brief => ({
  title,
  query: title,
  language,
  contentType: 'guide',
  category: null,
  tags: [],
  headings: [],
});

const compose = (brief: Brief) => composeArticle({ brief, pages, concepts, isContradicted });

function writtenOf(brief: Brief): WrittenArticle {
  const outcome = compose(brief);
  assert.ok(outcome.kind === 'written', `${brief.title}: ${outcome.kind === 'declined' ? outcome.reason : ''}`);
  return outcome.article;
}

const sentencesOf = ({ sections }: WrittenArticle) => sections.flatMap(({ paragraphs }) => paragraphs.flat());

describe('articles from the sample web', () => {
  before(async () => {
    pack = await loadPack(packFolder);
    manifest = parse(await readFile(path.join(packFolder, 'sample-web/manifest.yaml'), 'utf8'));
    pages = await Promise.all(manifest.pages.map(({ host, path: pagePath }, index) => readPage(host, pagePath, index)));
    concepts = createConceptIndex(pack);
    const checker = createChecker(pack);
    isContradicted = (sentence) => checker.findContradictions(sentence).length > 0;
    articles = new Map(briefsOf(pack).map((brief) => [brief, writtenOf(brief)]));
  });

  test('every topic of the pack is written, in 350 to 900 words from several sources', () => {
    for (const [brief, article] of articles) {
      const words = sentencesOf(article).reduce((sum, { text }) => sum + countWords(text), 0);
      assert.ok(words >= 350 && words <= 900, `${brief.key}: ${words} words`);
      assert.ok(article.sections.length >= brief.headings.length - 1, `${brief.key}: ${article.sections.length} sections`);
      assert.ok(new Set(article.citations.map(({ rawContentId }) => rawContentId)).size >= 2, `${brief.key}: one source`);
    }
  });

  test('each sentence is verbatim: its citation’s offsets give it from the source’s text', () => {
    const texts = new Map(pages.map(({ id, text }) => [id, text]));
    for (const [, article] of articles) {
      const citations = new Map(article.citations.map((citation) => [citation.ordinal, citation]));
      for (const { rawContentId, startOffset, endOffset, quote } of article.citations) {
        assert.equal(texts.get(rawContentId)?.slice(startOffset, endOffset), quote);
      }
      for (const { text, citations: ordinals } of sentencesOf(article)) {
        assert.equal(ordinals.length, 1);
        assert.equal(citations.get(ordinals[0] ?? 0)?.quote, text);
      }
      assert.deepEqual(
        article.citations.map(({ ordinal }) => ordinal),
        article.citations.map((_, index) => index + 1),
      );
      for (const part of article.summary.split(/(?<=\.) (?=\p{Lu})/u)) {
        assert.ok(
          article.citations.some(({ quote }) => quote.includes(part)),
          `the summary's "${part}" is cited`,
        );
      }
    }
  });

  test('up to five paragraphs a section, two to four sentences a paragraph, none twice', () => {
    for (const [brief, article] of articles) {
      for (const { heading, paragraphs } of article.sections) {
        assert.ok(brief.headings.some((asked) => asked.heading === heading));
        assert.ok(paragraphs.length >= 1 && paragraphs.length <= 5, `${brief.key}, ${heading}: ${paragraphs.length} paragraphs`);
        const words = paragraphs.flat().reduce((sum, { text }) => sum + countWords(text), 0);
        assert.ok(words >= 30, `${brief.key}, ${heading}: ${words} words`);
        for (const paragraph of paragraphs) assert.ok(paragraph.length >= 2 && paragraph.length <= 4);
      }
      const texts = [...sentencesOf(article).map(({ text }) => text), ...article.summary.split(/(?<=\.) (?=\p{Lu})/u)];
      assert.equal(new Set(texts).size, texts.length, `${brief.key} says something twice`);
    }
  });

  test('whole sentences only; what points back follows the sentence it points to', () => {
    for (const [brief, article] of articles) {
      const citations = new Map(article.citations.map((citation) => [citation.quote, citation]));
      for (const paragraph of article.sections.flatMap(({ paragraphs }) => paragraphs)) {
        for (const [index, { text }] of paragraph.entries()) {
          assert.match(text, /^["'“(]*(?:\p{Lu}|\p{N}|pH).*\.["'”)]*$/u, `${brief.key}: ${text}`);
          if (!/^(?:This|These|Those|It|They|However|Therefore|Such|But|And|Both)\b/.test(text)) continue;
          const before = citations.get(paragraph[index - 1]?.text ?? '');
          const own = citations.get(text);
          assert.ok(before !== undefined && own !== undefined, `${brief.key}: "${text}" begins a paragraph`);
          const between = pages.find(({ id }) => id === own.rawContentId)?.text.slice(before.endOffset, own.startOffset);
          assert.equal(between?.trim(), '', `${brief.key}: "${text}" does not follow its antecedent`);
        }
      }
    }
  });

  test('no advertisement, no talk, no error that was planted, nothing in the first person', () => {
    const unwanted = [...manifest.planted_errors, ...manifest.never_publish, ...manifest.pages.flatMap((page) => page.must_not_contain)];
    for (const [brief, article] of articles) {
      const text = [article.summary, ...sentencesOf(article).map((sentence) => sentence.text)].join('\n');
      for (const phrase of unwanted) assert.ok(!text.includes(phrase), `${brief.key}: ${phrase}`);
      assert.doesNotMatch(text, /\b(?:I|my|we|our|us)\b|[?!€©]|\bDS-2\b/, brief.key);
    }
  });

  test('the planted errors are known as errors, and only there', () => {
    for (const error of manifest.planted_errors) assert.ok(isContradicted(error), error);
  });

  test('nearly all pass the bar of automatic approval, and the description is short', () => {
    const checker = createChecker(pack);
    const scores = [...articles].map(([{ key, title, language, contentType, tags }, { metaDescription, sections }]) => {
      assert.ok(metaDescription.length <= 155 && metaDescription.length > 40, `${key}: ${metaDescription}`);
      return checker.check({ title, metaDescription, language, contentType, sections, tags }).qualityScore;
    });
    assert.ok(scores.filter((score) => score >= 0.7).length >= scores.length - 1, scores.join(' '));
  });

  test('the same brief and pages, in any order, give the same article', () => {
    const [brief] = articles.keys();
    assert.ok(brief);
    const again = composeArticle({ brief, pages: pages.toReversed(), concepts, isContradicted });
    assert.deepEqual(again, { kind: 'written', article: articles.get(brief) });
  });

  test('a topic in free words is written under headings of its sources', () => {
    const article = writtenOf(free('Mosses for shrimp tanks'));
    const headings = article.sections.map(({ heading }) => heading);
    assert.ok(headings.length >= 2);
    for (const heading of headings)
      assert.ok(
        pages.some(({ text }) => text.includes(`\n${heading}\n`)),
        heading,
      );
    assert.match(sentencesOf(article)[0]?.text ?? '', /\p{Lu}/u);
  });

  test('a species is written of under all its names, and other species are left out', () => {
    const cherry = writtenOf(free('cherry shrimp'));
    assert.match(cherry.summary, /cherry shrimp|Neocaridina/);
    assert.match(JSON.stringify(cherry.sections), /Neocaridina/);
    for (const { text } of sentencesOf(cherry)) assert.doesNotMatch(text, /^(?:The )?(?:Amano|Crystal red|Caridina)/, text);
    for (const { text } of sentencesOf(writtenOf(free('amano shrimp')))) assert.doesNotMatch(text, /bee shrimp|^Neocaridina/, text);
  });

  test('free topics as they are typed: each is written of, and begins with what it is about', () => {
    const expected: Record<string, RegExp> = {
      'java moss': /[Mm]oss/,
      'CO2 for beginners': /CO2/,
      iwagumi: /^Iwagumi is/,
      'aquasoil or gravel': /aqua soil/,
      fertilizer: /nutrient|fertilis/,
      'dry start': /^The dry start method means/,
      substrate: /^The substrate of a planted aquarium/,
      'lighting a planted tank': /^Light is/,
      corydoras: /^Corydoras are/,
    };
    for (const [title, summary] of Object.entries(expected)) assert.match(writtenOf(free(title)).summary, summary, title);
  });

  test('a paragraph is about its topic: none goes astray to another species, device or trouble', () => {
    const textOf = (key: string) => {
      const article = [...articles].find(([brief]) => brief.key === key)?.[1];
      return JSON.stringify(article?.sections);
    };
    assert.doesNotMatch(textOf('water-changes-and-weekly-maintenance'), /frogbit|[Cc]orydoras/);
    assert.doesNotMatch(textOf('green-hair-and-black-beard-algae'), /[Mm]ould|cyanobacteria|[Dd]iatoms|dry mass/);
    assert.doesNotMatch(textOf('co2-injection-basics'), /colour temperature/);
    assert.doesNotMatch(textOf('trimming-stem-plants'), /PAR|drop checker/);
  });

  test('no heading is lost for which the sources have a good paragraph', () => {
    const headings = [...articles.values()].flatMap(({ sections }) => sections.map(({ heading }) => heading));
    for (const heading of ['Why they grow', 'Symptoms in new leaves', 'Conditioning and matching new water'])
      assert.ok(headings.includes(heading), heading);
  });

  test('no orders torn from a list', () => {
    for (const [brief, article] of articles) {
      for (const { text } of sentencesOf(article))
        assert.doesNotMatch(text, /^(?:Remove as|Reduce the|Keep CO2|Feed the|Clean the)/, brief.key);
    }
  });

  test('a brief in Bulgarian works from the Bulgarian page alone', () => {
    const bulgarian = pages.filter(({ language }) => language === 'bg');
    const article = writtenOf(free('Водни растения за начинаещи', 'bg'));
    assert.deepEqual([...new Set(article.citations.map(({ rawContentId }) => rawContentId))], [bulgarian[0]?.id]);
  });

  test('without sources on the topic it declines and says so', () => {
    const reasonOf = (brief: Brief) => {
      const outcome = compose(brief);
      assert.ok(outcome.kind === 'declined', brief.title);
      return outcome.reason;
    };
    assert.match(reasonOf(free('Vintage car restoration')), /None of the gathered sources is about "Vintage car restoration"/);
    assert.match(reasonOf(free('goldfish pond')), /: "goldfish" and "pond" are in none of them\./);
    assert.match(reasonOf(free('best laptop')), /: "laptop" is in none of them\./);
    assert.match(reasonOf(free('водни растения')), /in the language "en", in which it was asked for/);
    assert.match(reasonOf(free('!!!')), /no word that could be looked for/);
    for (const broad of ['plants', 'aquarium']) assert.match(reasonOf(free(broad)), /too broad/, broad);
    assert.match(reasonOf(free('Football boots for planted pitches')), /None of the gathered sources/);
    assert.match(reasonOf(free('Discus breeding')), /sources/);
    assert.match(reasonOf(free('Plantes aquatiques', 'fr')), /language "fr"/);
    assert.match(reasonOf({ ...free('Restoring cars'), headings: [{ heading: 'Paint', query: 'colour rust paint' }] }), /None/);
  });

  test('with too little on the topic it declines and says how little', () => {
    for (const title of ['Betta fish care', 'nerite snails', 'red plants', 'neon tetra care']) {
      const outcome = compose(free(title));
      assert.ok(outcome.kind === 'declined', title);
      assert.match(outcome.reason, /too few paragraphs.*: 1\.|\d+ words|1 of the 2 parts/, title);
    }
  });

  test('passages for a model are slices of the sources, on the headings, without what is contradicted', () => {
    const [brief] = articles.keys();
    assert.ok(brief);
    const selection = selectPassages({ brief, pages, concepts, isContradicted });
    assert.ok(selection.kind === 'selected');
    assert.ok(selection.passages.length >= 10);
    for (const { rawContentId, start, end, text } of selection.passages) {
      assert.equal(pages.find(({ id }) => id === rawContentId)?.text.slice(start, end), text);
      for (const error of manifest.planted_errors) assert.ok(!text.includes(error));
    }
    assert.equal(new Set(selection.passages.map(({ id }) => id)).size, selection.passages.length);
  });
});
