import type { Knowledge } from '#platform/pack';
import { escapeRegExp } from '#shared/text';
import { type Claim, isHearsay } from './claim.ts';
import { numberPattern, parseNumber } from './quantities.ts';

type WorkingRange = Knowledge['equipment'][number]['typical_range'][number];

/** A working value of the knowledge ("photoperiod, 6–10 hours per day") with the wordings that state one. */
type EquipmentRule = {
  readonly id: string;
  readonly label: string;
  readonly range: WorkingRange;
  readonly anchor: RegExp;
  readonly pattern: RegExp;
  /** Names of the device; needed in the sentence when the quantity alone could be another's. */
  readonly names: RegExp | undefined;
};

export type EquipmentReading = {
  readonly verdict: 'contradicts' | 'agrees';
  readonly id: string;
  readonly label: string;
  readonly known: string;
  readonly claim: Pick<Claim, 'field' | 'stated' | 'start' | 'end'>;
};

/** A working value is a recommendation; one far outside is taken for wrong only when the text recommends it as well. */
const recommends =
  /\b(?:should|ideal(?:ly)?|recommend(?:ed|s)?|aim for|target|keep|maintain|best|optimal|optimum|right|suits?|suitable|set (?:it |them )?(?:to|at)|dose|enough|good|perfect|works? (?:well|best)|needs?|requires?)\b/i;
const exception =
  /\b(?:not|never|no|avoid|more than|less than|above|below|over|under|at most|up to|too|danger\w*|toxic|harm\w*|deficien\w*|emergency|must not|exceed\w*|dry start|emersed|per week|weekly|a week|times|dies?|gasp\w*|stress\w*|tap water|algae|diatoms?|cyanobacteria|if|when|was|were|had)\b|n[’']t\b/i;

/** Units as texts write them; a unit that is missing here is not compared. */
const unitPatterns: Readonly<Record<string, string>> = {
  'mg/l': '(?:mg ?/ ?l|ppm)',
  bar: 'bar',
  K: '(?:k|kelvin)',
  'hours per day': '(?:hours?|h)(?: (?:per|a|each|every) day| of light| daily)?',
  'tank volumes per hour': '(?:times|x|×)?(?: the)? ?(?:tank )?volumes? (?:per|an|every) hour',
  dKH: '°? ?(?:d?kh)',
  'W/l': '(?:w|watts?) ?(?:/|per) ?(?:l|litre|liter)',
};
/** Quantities that name themselves; the others need the device beside them. */
const standsAlone = /^(?:photoperiod|nitrate|phosphate|potassium|iron|magnesium|dissolved CO2)/;
/** How far outside the working range a recommended value has to lie, as a factor. */
const factorOutside = 1.5;

function anchorOf({ quantity }: WorkingRange): RegExp {
  const noun = quantity.split(/ (?:at|of|for|in|during|after|per|before|between)\b/)[0] ?? quantity;
  const words = noun.replace(/^(?:dissolved|nominal) /, '').replace(/ needed$/, '');
  return new RegExp(`\\b${words.replace(/\s+/g, '\\s+')}\\b`, 'i');
}

export function createEquipmentRules({ equipment }: Knowledge): EquipmentRule[] {
  return equipment.flatMap(({ id, name, aliases, typical_range: ranges }) =>
    ranges.flatMap((range): EquipmentRule[] => {
      const unit = unitPatterns[range.unit];
      if (!unit || range.max <= 0 || /\b(?:low|medium|high) light|solids|cycled/.test(range.quantity)) return [];
      const pattern = new RegExp(
        `(?<![\\p{L}\\d.,])(${numberPattern})(?:\\s*(?:–|—|-|to|and)\\s*(${numberPattern}))?[\\s-]*${unit}(?![\\p{L}\\d/])`,
        'giu',
      );
      const escaped = [name, ...aliases].map(escapeRegExp);
      const names = standsAlone.test(range.quantity) ? undefined : new RegExp(`\\b(?:${escaped.join('|')})s?\\b`, 'i');
      return [{ id, label: name, range, anchor: anchorOf(range), pattern, names }];
    }),
  );
}

/** Words between the quantity's name and its number: "a photoperiod of about 8 hours", "8 hours of photoperiod". */
const maxDistance = 32;

const substance = /^\s*(?:of\s+)?(nitrate|nitrite|ammoni(?:a|um)|phosphate|potassium|iron|magnesium|calcium|co2|oxygen|peroxide)\b/i;

/** The number belongs to the substance right behind it ("0.5 mg/l phosphate"), else to the name before it with no other number between. */
function isNear(sentence: string, anchor: RegExp, start: number, end: number): boolean {
  const after = sentence.slice(end, end + 20);
  const named = substance.exec(after)?.[1];
  if (named !== undefined) return anchor.test(named);
  const before = sentence.slice(Math.max(0, start - maxDistance), start);
  const found = anchor.exec(before);
  return found
    ? !/\d/.test(before.slice(found.index + found[0].length))
    : /^\s*(?:of\s+)?\p{L}+/u.test(after) && anchor.test(after.slice(0, 14));
}

/** Recommended working values of devices and doses in one sentence. */
export function readEquipment(rules: readonly EquipmentRule[], sentence: string): EquipmentReading[] {
  if (!/\d|\bhours?\b/.test(sentence) || !recommends.test(sentence) || exception.test(sentence) || isHearsay(sentence)) return [];
  const readings: EquipmentReading[] = [];
  for (const { id, label, range, anchor, pattern, names } of rules) {
    if (!anchor.test(sentence) || (names && !names.test(sentence))) continue;
    for (const match of sentence.matchAll(pattern)) {
      const end = match.index + match[0].length;
      if (!isNear(sentence, anchor, match.index, end)) continue;
      const values = [match[1], match[2]].flatMap((value) => (value === undefined ? [] : [parseNumber(value)]));
      const low = Math.min(...values);
      const high = Math.max(...values);
      const isOutside = low > range.max * factorOutside || high < range.min / factorOutside;
      const isInside = low >= range.min && high <= range.max;
      if ((!isOutside && !isInside) || readings.some(({ claim }) => claim.start === match.index)) continue;
      readings.push({
        verdict: isOutside ? 'contradicts' : 'agrees',
        id,
        label,
        known: `${range.quantity} ${range.min}–${range.max} ${range.unit}`,
        claim: { field: 'typical_range', stated: match[0].trim(), start: match.index, end },
      });
    }
  }
  return readings;
}
