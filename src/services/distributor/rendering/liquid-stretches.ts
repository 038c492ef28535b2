/** Liquid that waits for the second reading, kept out of the way of whatever reads what stands around it. */
export type LiquidStretches = {
  /** Puts a mark in the place of each output and tag of the text. */
  protect(text: string): string;
  /** The mark of one stretch of Liquid. */
  keep(liquid: string): string;
  restore(text: string): string;
  /** The Liquid of a mark that is all of the text; else undefined. */
  find(text: string): string | undefined;
};

const liquid = /\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g;
const marks = /\uE07C(\d+)\uE07D/g;
export const hasMark = (text: string): boolean => /[\uE07C\uE07D]/.test(text);
const loneMark = /^\uE07C(\d+)\uE07D$/;
/** Characters that stand for something here; in anybody's text they stand for nothing. */
const reserved = /[\uE07B-\uE07D]/g;

export function withoutMarks(text: string): string {
  return text.replace(reserved, '\uFFFD');
}

export function createLiquidStretches(): LiquidStretches {
  const stretches: string[] = [];
  const keep = (stretch: string) => `\uE07C${stretches.push(stretch) - 1}\uE07D`;
  const at = (number: string | undefined) => (number === undefined ? undefined : stretches[Number(number)]);
  return {
    keep,
    protect: (text) => text.replace(liquid, keep),
    restore: (text) => text.replace(marks, (whole, number: string) => at(number) ?? whole),
    find: (text) => at(loneMark.exec(text)?.[1]),
  };
}
