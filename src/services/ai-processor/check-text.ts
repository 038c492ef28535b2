import { plainTextOf, type Section } from '#shared/article-text';
import type { CheckInput, Quality } from './checks/index.ts';
import type { CheckBody } from './generation-schema.ts';
import { splitSentences } from './text/index.ts';

export type ReadableCheck = {
  readonly qualityScore: number;
  readonly text: string;
  readonly checks: {
    name: string;
    score: number;
    weight: number;
    findings: { message: string; start: number | null; end: number | null; severity: string }[];
  }[];
};

/** Plain text as sections of paragraphs of sentences: `# Heading`, blank lines between paragraphs. */
function readSections(text: string, language: string): Section[] {
  const sections: { heading: string; paragraphs: { text: string; citations: number[] }[][] }[] = [];
  for (const block of text.split(/\n\s*\n/)) {
    const [, heading, rest = ''] = /^\s*#+\s*([^\n]*)\n?([\s\S]*)$/.exec(block) ?? [];
    if (heading !== undefined) sections.push({ heading: heading.trim(), paragraphs: [] });
    const body = (heading === undefined ? block : rest).replace(/\s+/g, ' ').trim();
    if (body === '') continue;
    if (sections.length === 0) sections.push({ heading: '', paragraphs: [] });
    sections.at(-1)?.paragraphs.push(splitSentences(body, language).map((sentence) => ({ text: sentence.text, citations: [] })));
  }
  return sections;
}

export async function checkText(body: CheckBody, language: string, check: (input: CheckInput) => Promise<Quality>): Promise<ReadableCheck> {
  const sections = readSections(body.text, body.language ?? language);
  const { qualityScore, checks } = await check({
    title: body.title,
    metaDescription: body.metaDescription ?? '',
    language: body.language ?? language,
    contentType: body.contentType ?? 'guide',
    sections,
    tags: body.tags ?? [],
  });
  return {
    qualityScore,
    text: plainTextOf(sections),
    checks: checks.map((one) => ({ ...one, findings: one.findings.map((finding) => ({ ...finding })) })),
  };
}
