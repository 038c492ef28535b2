export type QuantityKind = 'temperature' | 'ph' | 'dgh' | 'kh' | 'concentration' | 'length' | 'volume' | 'par';

/**
 * A number with its unit at characters [start, end), converted: °C, pH, °dGH, mg/l, cm, litres, µmol/m²/s. `bound` says whether the
 * text gives a value or range, or only an upper ("up to", "below") or a lower one ("at least", "above").
 */
export type Quantity = {
  readonly kind: QuantityKind;
  readonly low: number;
  readonly high: number;
  readonly bound: 'range' | 'up_to' | 'below' | 'at_least' | 'above';
  readonly start: number;
  readonly end: number;
};

const numberWords = new Map(
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty'
    .split(' ')
    .map((word, value): [string, number] => [word, value]),
);
for (const [index, tens] of 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ').entries()) {
  numberWords.set(tens, (index + 2) * 10);
  for (let unit = 1; unit <= 9; unit += 1) {
    const word = [...numberWords].find(([, value]) => value === unit)?.[0] ?? '';
    numberWords.set(`${tens}-${word}`, (index + 2) * 10 + unit);
  }
}
numberWords.set('hundred', 100).set('a hundred', 100).set('half a', 0.5).set('pair', 2).set('a dozen', 12).set('dozen', 12);

const wordPattern = [...numberWords.keys()].toSorted((a, b) => b.length - a.length).join('|');
export const numberPattern = `(?:\\d{1,3}(?:,\\d{3})+(?![\\d])|\\d+(?:[.,]\\d+)?|\\b(?:${wordPattern})\\b)`;

const temperatureUnit =
  '°\\s*[cf]\\b|℃|℉|°|degrees?(?:\\s+(?:celsius|centigrade|fahrenheit|c|f)\\b)?|celsius|fahrenheit|(?<=\\d\\s?)[cf]\\b';
const lengthUnit =
  'mm\\b|cm\\b|centimet(?:re|er)s?\\b|millimet(?:re|er)s?\\b|inch(?:es)?\\b|["″](?!\\p{L})|in\\b(?=\\s+(?:tall|high|long|height|length))|f(?:ee|oo)t\\b|ft\\b';
const volumeUnit = 'l\\b(?!/)|lit(?:re|er)s?\\b|gal(?:lons?)?\\b';
const hardnessUnit =
  '°\\s*d?gh\\b|°\\s*dh\\b|dgh\\b|degrees? (?:of )?(?:general hardness|gh|dgh|german hardness)\\b|gh\\b|°\\s*d?kh\\b|dkh\\b|kh\\b|degrees? (?:of )?(?:carbonate hardness|kh|dkh)\\b';
const concentrationUnit = 'mg\\s?/\\s?l\\b|ppm\\b|milligrams? (?:per|a) lit(?:re|er)\\b';
const parUnit = '[µμu]mol(?:\\s?/\\s?m(?:²|2)\\s?/\\s?s|\\s+par)?';
const unitPattern = [hardnessUnit, concentrationUnit, parUnit, lengthUnit, volumeUnit, temperatureUnit].join('|');

const joiner = '\\s*(?:–|—|−|‐|‑|-|\\bto\\b|\\band\\b|\\bor\\b|\\buntil\\b)\\s*';
const measured = new RegExp(
  `(?<![\\p{L}\\d.,×])(?:(${numberPattern})(?:[\\s-]*(${unitPattern}))?(${joiner}))?(${numberPattern})[\\s-]*(${unitPattern})`,
  'giu',
);
const acidity = new RegExp(
  `\\bph(?:[\\s-]*(?:values?|levels?|range))?(?:\\s+(?:of|is|at|around|about|between|from|near|in|the|range|should|be|lies|stays|best|to|under|below|over|above|up|least|roughly|approximately|values?|and|than|more|less|high|higher|lower|kept))*[\\s:=]*(\\d{1,2}(?:[.,]\\d+)?)(?:${joiner}(\\d{1,2}(?:[.,]\\d+)?))?(?![\\d]|\\s*(?:°|%|cm|l\\b|lit))`,
  'giu',
);
/** "GH of 4–6", "a general hardness between 4 and 6 degrees": the unit stands before the number. */
const hardnessFirst = new RegExp(
  `\\b(gh|general hardness|total hardness|kh|carbonate hardness)(?:\\s+(?:of|is|at|around|about|between|from|up|to|below|above))*[\\s:=]*(${numberPattern})(?:${joiner}(${numberPattern}))?(?![\\d.,]*\\d|\\s*(?:–|—|-|to|and)\\s*\\d|\\s*(?:mg|ppm|°|d[gk]h))`,
  'giu',
);

export function parseNumber(text: string): number {
  const word = numberWords.get(text.toLowerCase());
  if (word !== undefined) return word;
  return /^\d{1,3}(?:,\d{3})+$/.test(text) ? Number(text.replace(/,/g, '')) : Number(text.replace(',', '.'));
}

type Unit = { readonly kind: QuantityKind; readonly convert: (value: number) => number };

const same = (value: number) => value;

function unitOf(unit: string, highest: number): Unit {
  const text = unit.toLowerCase().replace(/\s+/g, ' ');
  if (/kh|carbonate/.test(text)) return { kind: 'kh', convert: same };
  if (/gh|dh|hardness/.test(text)) return { kind: 'dgh', convert: same };
  if (/^(?:mg|ppm|milligram)/.test(text)) return { kind: 'concentration', convert: same };
  if (/mol/.test(text)) return { kind: 'par', convert: same };
  if (/^(?:mm|milli)/.test(text)) return { kind: 'length', convert: (value) => value / 10 };
  if (/^(?:inch|in$|["″])/.test(text)) return { kind: 'length', convert: (value) => value * 2.54 };
  if (/^f(?:ee|oo)?t/.test(text)) return { kind: 'length', convert: (value) => value * 30.48 };
  if (/^(?:cm|centim)/.test(text)) return { kind: 'length', convert: same };
  if (/^gal/.test(text)) return { kind: 'volume', convert: (value) => value * 3.785 };
  if (/^l/.test(text)) return { kind: 'volume', convert: same };
  // Bare degrees above what any aquarium holds are Fahrenheit.
  const isFahrenheit = /f$|fahrenheit|℉/.test(text) || (!/c$|celsius|centigrade|℃/.test(text) && highest > 45);
  return { kind: 'temperature', convert: isFahrenheit ? (value) => ((value - 32) * 5) / 9 : same };
}

const upTo =
  /(?:\bup to|\bat most|\bno more than|\bnot more than|\bmaximum(?: of)?|\bmax\.?|\bas (?:high|tall|warm|large|long) as|\bnot (?:above|over|exceed(?:ing)?)|≤)\s*(?:about |around |an? |ph )*$/;
const below = /(?:\bbelow|\bunder|\bless than|\blower than|\bcooler than|\bsmaller than|\bshorter than|<)\s*(?:about |around |an? |ph )*$/;
const atLeast =
  /(?:\bat least|\bminimum(?: of)?|\bmin\.?|\bno less than|\bnot less than|\bno fewer than|\bnot (?:below|under)|≥|\bfrom)\s*(?:about |around |an? |ph |of )*$/;
const above =
  /(?:\babove|\bover|\bmore than|\bhigher than|\bwarmer than|\btaller than|\blarger than|\blonger than|\bexceed(?:s|ing)?|\bbeyond|>)\s*(?:about |around |an? |ph )*$/;
const orMore =
  /^\s*(?:or|and|\+)\s*(?:more|above|over|higher|warmer|up|upwards?|larger|taller)\b|^\s*\+|^\s*(?:upwards|at least|minimum)\b/;
const orLess = /^\s*(?:or|and)\s*(?:less|below|under|lower|cooler|shorter|smaller)\b|^\s*(?:at (?:the )?most|maximum)\b/;

function boundOf(text: string, start: number, end: number, isRange: boolean): Quantity['bound'] {
  if (isRange) return 'range';
  const before = text.slice(Math.max(0, start - 40), start);
  const after = text.slice(end, end + 24);
  if (upTo.test(before) || orLess.test(after)) return 'up_to';
  if (below.test(before)) return 'below';
  if (above.test(before)) return 'above';
  if (atLeast.test(before) || orMore.test(after)) return 'at_least';
  return 'range';
}

function quantityOf(text: string, kind: QuantityKind, values: readonly number[], start: number, end: number): Quantity {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return { kind, low, high, bound: boundOf(text, start, end, values.length > 1 && low < high), start, end };
}

function findMeasured(text: string): Quantity[] {
  const found: Quantity[] = [];
  measured.lastIndex = 0;
  for (let match = measured.exec(text); match; match = measured.exec(text)) {
    const [whole, first, firstUnit, link = '', second = '', unit = ''] = match;
    const end = match.index + whole.length;
    // Measures of a tank or a hole ("60 × 30 × 36 cm") say nothing of a species.
    if (/[×x*]\s*$/.test(text.slice(0, match.index)) || /^\s*[×*]/.test(text.slice(end))) continue;
    const joinsRange = first !== undefined && (!/and/i.test(link) || /\bbetween\s+(?:about |around )?$/i.test(text.slice(0, match.index)));
    const high = parseNumber(second);
    const low = first === undefined ? high : parseNumber(first);
    const { kind, convert } = unitOf(unit, Math.max(low, high));
    const sameKind = firstUnit === undefined || unitOf(firstUnit, low).kind === kind;
    if (first === undefined || (joinsRange && sameKind && low < high)) {
      const convertLow = firstUnit === undefined ? convert : unitOf(firstUnit, low).convert;
      found.push(quantityOf(text, kind, first === undefined ? [convert(high)] : [convertLow(low), convert(high)], match.index, end));
      continue;
    }
    const secondAt = match.index + whole.lastIndexOf(second, whole.length - unit.length);
    if (firstUnit !== undefined) {
      const other = unitOf(firstUnit, low);
      found.push(quantityOf(text, other.kind, [other.convert(low)], match.index, match.index + first.length + firstUnit.length + 1));
    }
    found.push(quantityOf(text, kind, [convert(high)], secondAt, end));
  }
  return found;
}

function findPrefixed(text: string): Quantity[] {
  const found: Quantity[] = [];
  for (const [pattern, kindOf, lowAt] of [
    [acidity, (): QuantityKind => 'ph', 1],
    [hardnessFirst, (name: string): QuantityKind => (/^k|carbonate/i.test(name) ? 'kh' : 'dgh'), 2],
  ] as const) {
    for (const match of text.matchAll(pattern)) {
      const low = match[lowAt] ?? '';
      const high = match[lowAt + 1];
      const start = match.index + match[0].indexOf(low, lowAt === 1 ? 2 : (match[1]?.length ?? 0));
      const values = (high === undefined ? [low] : [low, high]).map(parseNumber);
      if (lowAt === 1 && values.some((value) => value > 14)) continue;
      const end = match.index + match[0].length;
      found.push({ ...quantityOf(text, kindOf(match[1] ?? ''), values, start, end), start: match.index });
    }
  }
  return found;
}

/** Every number with a unit in a text in lower case, in order. "pH 6,5" and "6.5" are both read. */
export function findQuantities(text: string): Quantity[] {
  return [...findMeasured(text), ...findPrefixed(text)].sort((a, b) => a.start - b.start);
}
