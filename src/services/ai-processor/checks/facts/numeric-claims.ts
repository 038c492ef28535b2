import type { Range } from '#platform/pack';
import { type Claim, type Judgement, judgement, silent } from './claim.ts';
import type { Clause } from './clauses.ts';
import { findQuantities, type Quantity } from './quantities.ts';
import type { Species } from './subjects.ts';

/** How far a statement may lie outside the knowledge: `near` for its middle, `far` for one end of a wide range. */
type Tolerance = { readonly near: number; readonly far: number };

const tolerances = {
  temperature: { near: 1, far: 5 },
  ph: { near: 0.3, far: 1.3 },
  dgh: { near: 2, far: 10 },
} satisfies Record<string, Tolerance>;
/** "Tolerates" and "survives" speak of limits, and the knowledge only of good conditions. */
const toleranceFactor = 4;
const mgPerDgh = 17.85;
/** PAR in µmol/m²/s at which plants of a light level grow, as in equipment.yaml. */
const parOfLight: Readonly<Record<string, Range>> = {
  low: { min: 10, max: 40 },
  medium: { min: 30, max: 80 },
  high: { min: 60, max: 200 },
};

/** Trouble, exceptions, stages of life and passing states: the number is not one at which the species is kept. */
const exception =
  /\b(?:die[sd]?|dying|dead|death|rot(?:s|ted)?|kill(?:s|ed)?|melt(?:s|ed|ing)?|suffer(?:s|ed)?|pales?|harm(?:s|ful|ed)?|damag(?:e[sd]?|ing)|danger(?:ous)?|stress(?:es|ed|ful)?|lethal|fatal|toxic|poison\w*|too (?:warm|hot|cold|cool|high|low|much|small|little|strong|soft|hard|acid(?:ic)?|alkaline)|stops?|declin\w+|weak(?:ens?|ly)?|fades?|shorten(?:s|ed)?|sulks?|struggl\w+|turns?|slows?|not|never|avoid(?:s|ed)?|cannot|no longer|nor|neither|hardly|rarely|seldom|without harm|short(?: |-)(?:periods?|times?|spells?|stays?|while|term)|shortly|brief(?:ly)?|temporar\w+|occasional(?:ly)?|periods?|during|summer|winter|heat ?waves?|at night|overnight|breed(?:s|ing)?|bred|spawn(?:s|ing)?|hatch(?:es|ed|ing)?|eggs?|larvae|fry|young|juveniles?|newborn|seeds?|quarantine|treat(?:s|ed|ments?)?|medicat\w+|disease|reached|rose|ris(?:es|ing)|rais(?:es?|ed|ing)|falls?|fell|drops?|dropped|climb(?:s|ed)|went|swings?|shock|jumps?|than usual|differ(?:s|ed|ences?)?|outgr(?:ows?|ew|own)|travel\w*|transport\w*|shipp\w+|bags?|for (?:an?|one|two|three|several|some|a few) (?:minutes?|hours?|days?|nights?|weeks?)|except|emersed|above water|in air|in the wild|in nature|native|origin\w*|comes? from)\b|n[’']t\b/;
/** What makes a length another than the full size: an early stage of life, or something denied. */
const sizeException =
  /\b(?:not|never|cannot|hardly|rarely|seldom|too|eggs?|larvae|fry|young|juveniles?|newborn|babies|baby|seeds?|seedlings?|sold at|on sale|at birth|emersed|above water|in the wild|mature|months?|weeks?|wide|leaves of)\b|n[’']t\b/;
const limitVerb = /\b(?:tolerat\w+|surviv\w+|withstands?|endures?|copes?|put up with|bears?)\b/;
/** The number is a difference or a rate. */
const difference = /(?:\bby|\bwithin|\bof up to|±|\+\/-|\bevery|\bper)\s*(?:about |around |only )?$/;

function overlapShare(quantity: Quantity, known: Range): number {
  const width = quantity.high - quantity.low;
  return width === 0 ? 0 : Math.max(0, Math.min(quantity.high, known.max) - Math.max(quantity.low, known.min)) / width;
}

/**
 * A stated value or range against the known one. A range contradicts when it lies outside, when less than a quarter of it
 * overlaps and its middle is outside, or when one end is far beyond; an upper bound when it ends below the known range, and so on.
 */
export function compareRange(quantity: Quantity, known: Range, { near, far }: Tolerance): 'contradicts' | 'agrees' | 'silent' {
  const { low, high, bound } = quantity;
  if (bound === 'below' || bound === 'up_to') {
    if (high < known.min - near || (bound === 'up_to' && high > known.max + far)) return 'contradicts';
    return high <= known.max + near ? 'agrees' : 'silent';
  }
  if (bound === 'above' || bound === 'at_least') {
    if (low > known.max + near) return 'contradicts';
    return low >= known.min - near ? 'agrees' : 'silent';
  }
  if (high < known.min - near || low > known.max + near) return 'contradicts';
  const middle = (low + high) / 2;
  const isOutside = middle < known.min - near || middle > known.max + near;
  if (isOutside && overlapShare(quantity, known) < 0.25) return 'contradicts';
  if (low < known.min - far || high > known.max + far) return 'contradicts';
  return low >= known.min - near && high <= known.max + near ? 'agrees' : 'silent';
}

function knownRange({ min, max }: Range, unit: string): string {
  return `${min}–${max}${unit}`;
}

type WaterField = {
  readonly field: 'temperature_c' | 'ph' | 'hardness_dgh';
  readonly tolerance: Tolerance;
  readonly name: string;
  readonly unit: string;
};

function waterClaim(clause: Clause, quantity: Quantity, water: WaterField, sentence: string): Claim {
  const factor = limitVerb.test(clause.text) ? toleranceFactor : 1;
  const tolerance = { near: water.tolerance.near * factor, far: water.tolerance.far * factor };
  return {
    field: water.field,
    stated: sentence.slice(quantity.start, quantity.end).trim(),
    start: quantity.start,
    end: quantity.end,
    judge: ({ facts }) => {
      const verdict = compareRange(quantity, facts[water.field], tolerance);
      return { verdict, known: `${water.name} ${knownRange(facts[water.field], water.unit)}` };
    },
  };
}

function isHardnessOf(clause: Clause, quantity: Quantity): boolean {
  const around = clause.text.slice(Math.max(0, quantity.start - 45), quantity.end + 25);
  return /caco|hardness|\bgh\b/.test(around) && !/carbonate hardness|\bkh\b|tds|conductivity|alkalinity/.test(around);
}

function toDgh(quantity: Quantity): Quantity {
  return { ...quantity, kind: 'dgh', low: quantity.low / mgPerDgh, high: quantity.high / mgPerDgh };
}

/**
 * Of several values of a kind only the first can be the subject's, and only when the subject stands before it: "a lamp of
 * 150 µmol leaves 30 µmol for the fern" says nothing certain.
 */
function firstOfEachKind(quantities: readonly Quantity[], clause: Clause): Quantity[] {
  const byKind = Map.groupBy(quantities, ({ kind }) => kind);
  return [...byKind.values()].flatMap(([first, ...others]) => {
    if (!first) return [];
    const isLed = clause.governing.some(({ end, start }) => end <= first.start || start < clause.start);
    return others.length === 0 || isLed ? [first] : [];
  });
}

function judgePar(quantity: Quantity, species: Species): Judgement {
  if (species.kind !== 'plant') return silent;
  const ranges = species.facts.light.map((level) => parOfLight[level] ?? { min: 0, max: 1000 });
  const known = { min: Math.min(...ranges.map(({ min }) => min)), max: Math.max(...ranges.map(({ max }) => max)) };
  const verdict = compareRange(quantity, known, { near: known.max * 0.3, far: known.max });
  return { verdict, known: `${species.facts.light.join(', ')} light, about ${knownRange(known, ' µmol/m²/s')}` };
}

function readWater(clause: Clause, quantity: Quantity, sentence: string): Claim | undefined {
  if (difference.test(clause.text.slice(Math.max(0, quantity.start - 20), quantity.start))) return undefined;
  if (quantity.kind === 'temperature')
    return waterClaim(
      clause,
      quantity,
      { field: 'temperature_c', tolerance: tolerances.temperature, name: 'temperature', unit: ' °C' },
      sentence,
    );
  if (quantity.kind === 'ph')
    return waterClaim(clause, quantity, { field: 'ph', tolerance: tolerances.ph, name: 'pH', unit: '' }, sentence);
  const hardness = { field: 'hardness_dgh', tolerance: tolerances.dgh, name: 'hardness', unit: ' °dGH' } as const;
  if (quantity.kind === 'dgh') return waterClaim(clause, quantity, hardness, sentence);
  if (quantity.kind === 'concentration' && isHardnessOf(clause, quantity)) return waterClaim(clause, toDgh(quantity), hardness, sentence);
  return undefined;
}

function readPar(quantity: Quantity, sentence: string): Claim | undefined {
  if (quantity.kind !== 'par') return undefined;
  return {
    field: 'light',
    stated: sentence.slice(quantity.start, quantity.end).trim(),
    start: quantity.start,
    end: quantity.end,
    judge: (species) => judgePar(quantity, species),
  };
}

const sizeBefore =
  /(?:\b(?:grow(?:s|ing)?(?: up)? to|grows?|reach(?:es|ing)?|attains?|gets?|becomes?|stays?(?: (?:small|low|short|compact))?(?: at| under| below| between)?|remains?(?: at| under| below)?|measur(?:es|ing)|is|are|keeps? (?:to|below|under)|heights? of|height:?|size of|length of|(?:catfish|fish|shrimps?|tetras?|snails?|plants?|ferns?) of|and reach(?:es)?(?: only)?))\s*(?:(?:a|an|about|around|only|roughly|approximately|some|just|up to|at most|at least|between|from|under|below|over|no more than|more than|less than|maximum|max|of|height|size|length|adult|full|total|usually|often|barely|hardly|mostly|scarcely)\s+)*$/;
const sizeAfter =
  /^\s*(?:\)|,)?\s*(?:tall|high|long(?! (?:strands?|leaves|roots?|runners?|stems?|fins?|whiskers|shoots?|fronds|flowers?|tank))|in (?:height|length|size)|in body length|(?:of |in )?body length)\b/;
/** After the number: a distance, a width, a rate, a depth or the measure of a leaf is not the size of the species. */
const notSize =
  /^\s*(?:apart|wide|across|deep|thick|per|a (?:week|day|month)|from|above|below|behind|away|between|of (?:water|substrate|soil|gravel|growth)|(?:tank|cube|pot|leaves|leaf|distance|layer|portions?|hose)|each (?:week|day))\b|^[\s-]*(?:tank|cube)/;
const notSubject =
  /\b(?:leaf|leaves|blades?|roots?|petals?|flowers?|pieces?|portions?|tops|cuttings|tufts?|plugs?|tanks?|aquariums?|stones?|gap|distance|spacing|water level|substrate|cut|trim(?:med)?|back to|mature|per week|a week|mats?|plantlets)\b/;

function readSize(clause: Clause, quantity: Quantity, sentence: string): Claim | undefined {
  if (quantity.kind !== 'length') return undefined;
  const before = clause.text.slice(Math.max(clause.start, quantity.start - 60), quantity.start);
  const after = clause.text.slice(quantity.end, quantity.end + 30);
  if (
    notSize.test(after) ||
    notSubject.test(before) ||
    sizeException.test(clause.text) ||
    (!sizeBefore.test(before) && !sizeAfter.test(after))
  )
    return undefined;
  if (clause.governing.some(({ isCultivar }) => isCultivar)) return undefined;
  const isHeight = /^\s*(?:tall|high|in height)/.test(after);
  return {
    field: 'size',
    stated: sentence.slice(quantity.start, quantity.end).trim(),
    start: quantity.start,
    end: quantity.end,
    judge: (species) => judgeSize(quantity, species, isHeight),
  };
}

/** Plants vary and are trimmed: a height contradicts only when it is half as much again, or little over half, of the known one. */
function judgeSize(quantity: Quantity, species: Species, isHeight: boolean): Judgement {
  const isUpper = quantity.bound === 'up_to' || quantity.bound === 'below';
  if (species.kind === 'plant') {
    const { min, max } = species.facts.height_cm;
    const contradicts =
      (quantity.bound !== 'above' && quantity.bound !== 'at_least' && quantity.high < min * 0.6) ||
      (quantity.bound !== 'below' && quantity.low > max * 1.3 && quantity.high > max * 1.5) ||
      (!isUpper && quantity.low > max * 1.5);
    return judgement(contradicts, quantity.high >= min && quantity.high <= max * 1.2, `height ${knownRange({ min, max }, ' cm')}`);
  }
  if (isHeight) return silent;
  const size = species.facts.adult_size_cm;
  const contradicts =
    quantity.low > size * 1.6 + 0.5 || (quantity.bound !== 'at_least' && quantity.bound !== 'above' && quantity.high < size * 0.55);
  return judgement(contradicts, quantity.low <= size * 1.3 && quantity.high >= size * 0.8, `adult size about ${size} cm`);
}

function sizeField(claim: Claim, species: Species): string {
  return claim.field === 'size' ? (species.kind === 'plant' ? 'height_cm' : 'adult_size_cm') : claim.field;
}

const tankBefore =
  /\b(?:tanks?|aquariums?|cubes?|water|home|volume|needs?|requires?|at least|minimum|from|lives? in|kept in|keep\b.* in|fits?|suits?|enough|suffice|nano)\b/;
const tankAfter = /^[\s-]*(?:tanks?|aquariums?|cubes?|bowls?|or more|of water|is (?:enough|sufficient|fine|plenty))/;
const perAnimal = /\b(?:per|each|every|for one|change[sd]?|dose[sd]?|hour|bottle|bucket|turnover|filter|pump|ml)\b/;

function readTank(clause: Clause, quantity: Quantity, sentence: string): Claim | undefined {
  if (quantity.kind !== 'volume' || perAnimal.test(clause.text)) return undefined;
  const isTank = tankBefore.test(clause.text.slice(clause.start, quantity.start)) || tankAfter.test(clause.text.slice(quantity.end));
  if (!isTank || /^[\s-]*(?:more|less|further|extra)/.test(clause.text.slice(quantity.end))) return undefined;
  const needs = /\b(?:needs?|requires?|at least|minimum|must have|no less than)\b/.test(clause.text.slice(clause.start, quantity.start));
  const isLimit = quantity.bound === 'at_least' || quantity.bound === 'above' || needs;
  return {
    field: 'minimum_tank_l',
    stated: sentence.slice(quantity.start, quantity.end).trim(),
    start: quantity.start,
    end: quantity.end,
    judge: (species) => {
      if (species.kind !== 'animal') return silent;
      const known = species.facts.minimum_tank_l;
      const isTooSmall = quantity.high < known * 0.6;
      const isTooMuch = isLimit && quantity.low > known * 5 && quantity.low > 100;
      return judgement(isTooSmall || isTooMuch, quantity.high >= known * 0.9, `a tank of at least ${known} litres`);
    },
  };
}

/** Statements of water values, light in µmol, size and tank in a clause that has a subject. */
export function readNumericClaims(clause: Clause, sentence: string): Claim[] {
  if (clause.isConditional || !/\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|forty)\b/.test(clause.text))
    return [];
  const isException = exception.test(clause.text.slice(clause.start, clause.end));
  return firstOfEachKind(findQuantities(clause.text), clause).flatMap((quantity) => {
    const claim =
      readSize(clause, quantity, sentence) ??
      (isException
        ? undefined
        : (readWater(clause, quantity, sentence) ?? readPar(quantity, sentence) ?? readTank(clause, quantity, sentence)));
    return claim ? [claim] : [];
  });
}

/** The field's name in the YAML file: a plant has a height, an animal a size. */
export function fieldOf(claim: Claim, species: Species): string {
  return sizeField(claim, species);
}
