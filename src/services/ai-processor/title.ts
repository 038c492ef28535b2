import type { Knowledge } from '#platform/pack';
import type { Brief } from './generation-types.ts';

const smallWords = new Set(
  'a an and as at but by for from if in into nor of off on onto or over per so than the to up upon via vs with without'.split(' '),
);
/** CO2, LED, pH: capitals inside that no rule would put there. */
const keepsItsForm = /\p{L}.*\p{Lu}|\p{Lu}.*\p{N}/u;
const word = /[\p{L}\p{N}][\p{L}\p{M}\p{N}'’]*/gu;

export type TitleForms = ReadonlyMap<string, string>;

/** How the knowledge writes those words that have capitals of their own. */
export function readTitleForms(knowledge: Knowledge): TitleForms {
  const things = [...knowledge.equipment, ...knowledge.techniques, ...knowledge.problems];
  const names = [
    ...things.flatMap(({ name, aliases }) => [name, ...aliases]),
    ...[...knowledge.plants, ...knowledge.animals].flatMap((species) => species.common_names),
  ];
  const forms = names.flatMap((name) => name.match(word) ?? []).filter((form) => keepsItsForm.test(form));
  return new Map(forms.map((form) => [form.toLowerCase(), form]));
}

const capitalise = (text: string): string => text.replace(/\p{L}/u, (letter) => letter.toUpperCase());

/**
 * A title for what was asked in passing: "mosses for shrimp tanks" becomes "Mosses for Shrimp Tanks". Whoever wrote capitals meant them, so a
 * title that has any but those of CO2 and the like stays as it is. Other languages than English capitalise the first word alone.
 */
export function presentTitle({ title, language }: Pick<Brief, 'title' | 'language'>, forms: TitleForms): string {
  const plain = title.replace(/\s+/g, ' ').trim();
  const words = plain.match(word) ?? [];
  const isShouted = words.length > 1 && !/\p{Ll}/u.test(plain);
  const isMeant = words.some((form) => /^\p{Lu}\p{Ll}/u.test(form)) || /[<>{}]/.test(plain);
  if (isMeant && !isShouted) return plain;
  let index = -1;
  return plain.replace(word, (form) => {
    index += 1;
    const own = forms.get(form.toLowerCase());
    if (own !== undefined) return own;
    if (!isShouted && keepsItsForm.test(form)) return form;
    const lower = form.toLowerCase();
    const isEdge = index === 0 || index === words.length - 1;
    if (language !== 'en') return index === 0 ? capitalise(lower) : lower;
    return isEdge || !smallWords.has(lower) ? capitalise(lower) : lower;
  });
}
