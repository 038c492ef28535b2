import { escapeRegExp } from '#shared/text';
import type { SourcePassage } from '../extractive/index.ts';
import { readTerms } from '../text/index.ts';

/** All names of one species or thing. */
export type NameGroup = readonly string[];

export type GroundingFault = 'uncited' | 'unknown_number' | 'unknown_name' | 'unsupported' | 'not_a_sentence';

export type Grounding = { readonly kind: 'grounded'; readonly passages: readonly SourcePassage[] } | { readonly kind: GroundingFault };

const minSupport = 0.3;
const maxSentenceLength = 600;
const numberWords: Readonly<Record<string, string>> = Object.fromEntries(
  'zero one two three four five six seven eight nine ten eleven twelve'.split(' ').map((word, value) => [word, String(value)]),
);

/** Figures that stand by themselves, in one spelling: 1,100 and 6,0 as 1100 and 6. The 2 of CO2 is none. */
function readNumbers(text: string): string[] {
  const figures = [...text.matchAll(/(?<![\p{L}\p{N}])\p{N}+(?:[.,]\p{N}+)*/gu)].map(([figure]) => {
    const plain = /^\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(figure) ? figure.replaceAll(',', '') : figure.replace(',', '.');
    return Number.isNaN(Number(plain)) ? plain : String(Number(plain));
  });
  return figures;
}

function readNumberWords(text: string): string[] {
  return [...text.toLowerCase().matchAll(/\p{L}+/gu)].flatMap(([word]) => numberWords[word] ?? []);
}

const namePatterns = new Map<string, RegExp>();

function containsName(text: string, name: string): boolean {
  const pattern = namePatterns.get(name) ?? new RegExp(`(?<![\\p{L}\\p{N}])${escapeRegExp(name)}s?(?![\\p{L}\\p{N}])`, 'iu');
  namePatterns.set(name, pattern);
  return pattern.test(text);
}

/** Words with a capital inside the sentence: names that no list holds. German writes every noun so. */
function readProperNames(text: string, language: string): string[] {
  if (language === 'de') return [];
  const inside = text.replace(/^["'“‘«„(]*\p{L}[\p{L}\p{M}'’-]*/u, '');
  return [...inside.matchAll(/(?<![.!?:]\s)(?<![\p{L}\p{N}])\p{Lu}\p{Ll}{2,}/gu)].map(([name]) => name.toLowerCase());
}

/**
 * May this sentence of a model stand? It must cite passages of the list, and what is easily invented must occur in them: numbers, species
 * (by any of their names), other proper names. And most of its words must not come from nowhere.
 */
export function checkGrounding(
  sentence: { readonly text: string; readonly passages: readonly string[] },
  context: {
    readonly byId: ReadonlyMap<string, SourcePassage>;
    readonly names: readonly NameGroup[];
    readonly language: string;
    readonly title: string;
  },
): Grounding {
  const { text } = sentence;
  if (text.length > maxSentenceLength || !/[.!?…]["'”’»)]*$/u.test(text)) return { kind: 'not_a_sentence' };
  const cited = [...new Set(sentence.passages)].flatMap((id) => context.byId.get(id) ?? []);
  if (cited.length === 0) return { kind: 'uncited' };
  const evidence = cited.map((passage) => passage.text).join('\n');

  const known = new Set([...readNumbers(evidence), ...readNumberWords(evidence)]);
  if (
    [...readNumbers(text), ...readNumberWords(text).filter((word) => word !== '1' && word !== '0')].some((number) => !known.has(number))
  ) {
    return { kind: 'unknown_number' };
  }
  const named = context.names.filter((group) => group.some((name) => containsName(text, name)));
  if (named.some((group) => !group.some((name) => containsName(evidence, name)))) return { kind: 'unknown_name' };
  const lowerEvidence = `${evidence} ${context.title}`.toLowerCase();
  if (readProperNames(text, context.language).some((name) => !lowerEvidence.includes(name))) return { kind: 'unknown_name' };

  const terms = [...new Set(readTerms(text, context.language))];
  const supported = new Set(readTerms(evidence, context.language));
  const support = terms.filter((term) => supported.has(term)).length / Math.max(1, terms.length);
  return support < minSupport ? { kind: 'unsupported' } : { kind: 'grounded', passages: cited };
}
