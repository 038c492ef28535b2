import type { Block, QualityFinding } from '#shared/article-text';
import { type CheckOutcome, clampScore, isEnglish, maxFindingsOfAKind } from './check-types.ts';
import type { FactReader } from './facts/index.ts';

/**
 * The score by the number of contradictions, from three on 0. With the weight of facts, even one keeps an otherwise perfect article
 * under 0.7, where workspaces that approve by score commonly draw the line.
 */
const scoreByContradictions: readonly number[] = [1, 0.2, 0.05];

/** A heading and the paragraphs under it are read together, so that "it" after the heading "Java fern" is understood. */
function readSection(readFacts: FactReader, blocks: readonly Block[]) {
  const [first] = blocks;
  if (!first) return [];
  let text = '';
  for (const block of blocks)
    text += ' '.repeat(Math.max(0, block.start - first.start - text.length - 1)) + (text === '' ? '' : '\n') + block.text;
  return readFacts(text).map(({ verdict, finding }) => ({
    verdict,
    finding: { ...finding, start: finding.start + first.start, end: finding.end + first.start },
  }));
}

/**
 * Statements of known species against the knowledge. An article with a wrong number must not pass on its style. Text in other languages than English is not judged and scores 1.
 */
export function checkFacts(readFacts: FactReader, blocks: readonly Block[], language: string): CheckOutcome {
  if (!isEnglish(language)) {
    const message = `Facts are compared in English only; this text (${language}) was not compared.`;
    return { score: 1, findings: [{ message, start: null, end: null, severity: 'info' }] };
  }
  const bySection = Map.groupBy(blocks, ({ section }) => section);
  const readings = [...bySection.values()].flatMap((section) => readSection(readFacts, section));
  const contradictions = readings.filter(({ verdict }) => verdict === 'contradicts').map(({ finding }) => finding);
  const agreements = readings.length - contradictions.length;
  const findings: QualityFinding[] = contradictions
    .slice(0, maxFindingsOfAKind)
    .map(({ message, start, end, severity }) => ({ message, start, end, severity }));
  if (contradictions.length > findings.length) {
    findings.push({
      message: `${contradictions.length - findings.length} more contradictions are not listed.`,
      start: null,
      end: null,
      severity: 'error',
    });
  }
  if (agreements > 0) {
    const message = `${agreements} ${agreements === 1 ? 'statement agrees' : 'statements agree'} with the knowledge.`;
    findings.push({ message, start: null, end: null, severity: 'info' });
  }
  return { score: clampScore(scoreByContradictions[contradictions.length] ?? 0), findings };
}
