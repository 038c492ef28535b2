import { type RawBuilder, sql } from '#platform/database';
import type { CustomTest, Rule, TextField } from './rule-types.ts';
import { dayNumber, isWholeDay } from './rule-values.ts';

/** Longer texts of custom fields have no bit string of their own. */
export const maxFacetTextLength = 60;
/** Bits of a day's number, each in a bit string of its own. */
export const dayBits = 16;
export const dateBits = 18;
/** Texts that are dates, as far as they are compared by their letters; the year counts 372 days, so that no calendar is asked. */
export const datePattern = '^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$';
const yearDays = 372;
const monthDays = 31;
const firstYear = 1900;

const dateNumber = (date: string): number => {
  const [year = 0, month = 1, day = 1] = date.split('-').map(Number);
  return (year - firstYear) * yearDays + (month - 1) * monthDays + day - 1;
};

/** The same of a text that has the pattern. */
export const dateNumberSql = (text: RawBuilder<unknown>) =>
  sql`((substr(${text}, 1, 4)::int - ${sql.lit(firstYear)}) * ${sql.lit(yearDays)} + (substr(${text}, 6, 2)::int - 1) * ${sql.lit(monthDays)}
    + substr(${text}, 9, 2)::int - 1)`;
export const chunkBits = 8192;

/** What every bit string lies within: who may be written to. */
export const reachable: Facet = { field: 'reachable', value: '' };
export type Facet = { readonly field: string; readonly value: string };
/** All facets of a field whose values are numbers from and to these. */
export type FacetRange = { readonly field: string; readonly from: number | null; readonly to: number | null };
export type Leaf = readonly (Facet | FacetRange)[];

type Bits = RawBuilder<string>;

export type BitRule = {
  /** By number; the bits of a leaf are those of all its facets together. */
  readonly leaves: readonly Leaf[];
  /** Of the columns `leaf_0`, `leaf_1`, …, each a bit string or null. */
  readonly bits: Bits;
};

// The usual value has no bit string: it is what has none of the others.
const usualValues: Partial<Record<TextField, readonly [usual: string, ...others: string[]]>> = {
  frequency: ['all', 'weekly', 'monthly'],
  format: ['html', 'text'],
};

const noBits: Bits = sql`repeat('0', ${sql.lit(chunkBits)})::bit varying`;

/** The rule over bit strings, or undefined where there is a part of it that they do not know of. */
export function compileBits(rule: Rule): BitRule | undefined {
  const leaves: Leaf[] = [];
  const numbers = new Map<string, number>();
  const leaf = (facets: Leaf): Bits => {
    const key = JSON.stringify(facets);
    // The bits of a day's number are asked for by both ends of a range, and read once.
    const number = numbers.get(key) ?? leaves.push(facets) - 1;
    numbers.set(key, number);
    return sql`coalesce(${sql.ref(`leaf_${number}`)}, ${noBits})`;
  };
  const all = leaf([reachable]);
  const bits = compilePart(rule, leaf, all);
  return bits === undefined ? undefined : { leaves, bits: sql`(${all} & ${bits})` };
}

type MakeLeaf = (facets: Leaf) => Bits;

function compilePart(rule: Rule, leaf: MakeLeaf, all: Bits): Bits | undefined {
  switch (rule.kind) {
    case 'all':
    case 'any':
      return compileList(rule, leaf, all);
    case 'not': {
      const bits = compilePart(rule.rule, leaf, all);
      return bits && sql`(~ ${bits})`;
    }
    case 'text':
      return compileText(rule.field, rule.values, leaf, all);
    case 'present':
      return sql`(~ ${leaf([{ field: 'absent', value: rule.field }])})`;
    case 'list': {
      const facets = rule.values.map((value) => ({ field: rule.field, value }));
      return rule.match === 'any' ? leaf(facets) : sql`(${sql.join([all, ...facets.map((facet) => leaf([facet]))], sql` & `)})`;
    }
    case 'subscribed':
      return compileDays(rule, leaf, all);
    case 'custom':
      return compileCustom(rule.name, rule.test, leaf);
    case 'engagement':
    case 'segment':
      return undefined;
  }
}

function compileList(rule: Rule & { readonly kind: 'all' | 'any' }, leaf: MakeLeaf, all: Bits): Bits | undefined {
  const parts: Bits[] = [rule.kind === 'all' ? all : noBits];
  for (const part of rule.rules) {
    const bits = compilePart(part, leaf, all);
    if (bits === undefined) return undefined;
    parts.push(bits);
  }
  return sql`(${sql.join(parts, rule.kind === 'all' ? sql` & ` : sql` | `)})`;
}

function compileText(field: TextField, values: readonly string[], leaf: MakeLeaf, all: Bits): Bits {
  if (field === 'status') return values.includes('active') ? all : noBits;
  const [usual, ...others] = usualValues[field] ?? [];
  if (usual !== undefined && values.includes(usual)) {
    const rest = others.filter((value) => !values.includes(value));
    return rest.length === 0 ? all : sql`(~ ${leaf(rest.map((value) => ({ field, value })))})`;
  }
  return leaf(values.map((value) => ({ field, value })));
}

/**
 * Those of `all` whose number is at least this. The lowest bit first: where the number has the bit, what is at least as great has it
 * too; where it has not, having it is enough.
 */
function atLeast(number: number, field: string, width: number, leaf: MakeLeaf, all: Bits): Bits {
  let bits = all;
  for (let bit = 0; bit < width; bit += 1) {
    const slice = leaf([{ field, value: String(bit) }]);
    bits = (number >> bit) % 2 === 1 ? sql`(${slice} & ${bits})` : sql`(${slice} | ${bits})`;
  }
  return bits;
}

function compileDays({ from, to }: Rule & { readonly kind: 'subscribed' }, leaf: MakeLeaf, all: Bits): Bits | undefined {
  const isKnown = (time: Date) => isWholeDay(time) && dayNumber(time) > 0 && dayNumber(time) < 2 ** dayBits;
  if ((from !== undefined && !isKnown(from)) || (to !== undefined && !isKnown(to))) return undefined;
  const lower = from === undefined ? all : atLeast(dayNumber(from), 'day', dayBits, leaf, all);
  return to === undefined ? lower : sql`(${lower} & (~ ${atLeast(dayNumber(to), 'day', dayBits, leaf, all)}))`;
}

function compileCustom(name: string, test: CustomTest, leaf: MakeLeaf): Bits | undefined {
  if (test.kind === 'present') return leaf([{ field: 'custom', value: name }]);
  if (test.kind === 'numbers') return leaf([{ field: `custom:${name}`, from: test.from ?? null, to: test.to ?? null }]);
  if (test.kind === 'dates') {
    const dated = leaf([{ field: 'dated', value: name }]);
    const from = (date: string) => atLeast(dateNumber(date), `date:${name}`, dateBits, leaf, dated);
    const lower = test.from === undefined ? dated : from(test.from);
    // What is at least the least is all; the slices alone would also have those without a date.
    return sql`(${dated} & ${lower} ${test.to === undefined ? sql`` : sql`& (~ ${from(test.to)})`})`;
  }
  const facets: Facet[] = [];
  for (const value of test.values) {
    const text = facetText(value);
    if (text === undefined) return undefined;
    facets.push({ field: `custom:${name}`, value: text });
  }
  return leaf(facets);
}

/** As the segment index writes it; undefined where it does not. A number that PostgreSQL would write otherwise is left to it. */
function facetText(value: string | number | boolean): string | undefined {
  if (typeof value === 'string') return [...value].length <= maxFacetTextLength ? `s:${value}` : undefined;
  if (typeof value === 'boolean') return `b:${value}`;
  return /^-?\d+(\.\d+)?$/.test(String(value)) && !Object.is(value, -0) ? `n:${value}` : undefined;
}
