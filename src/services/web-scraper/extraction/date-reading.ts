/** Languages whose month names are understood. */
const languages = ['en', 'de', 'fr', 'es', 'it', 'nl', 'pt', 'pl', 'bg', 'sv', 'da', 'cs', 'ru', 'uk', 'ro', 'el'];

const monthNumbers = Array.from({ length: 12 }, (_, month) => month);
// By itself, and with a day beside it: languages that decline have another form in dates.
const monthStyles = (['long', 'short'] as const).flatMap((month) => [{ month }, { month, day: 'numeric' } as const]);

/** The ways in which a language writes the month (0–11). */
function formsOf(language: string, month: number): string[] {
  const day = new Date(Date.UTC(2026, month, 15));
  const names = monthStyles.map((style) => {
    const parts = new Intl.DateTimeFormat(language, { ...style, timeZone: 'UTC' }).formatToParts(day);
    return parts.find(({ type }) => type === 'month')?.value ?? '';
  });
  return names.map((name) => name.toLowerCase().replace(/\.$/, '')).filter((name) => /^\p{L}{3,}$/u.test(name));
}

/** Where two languages mean different months by a name, the first of the list has it. */
function monthNames(): Map<string, number> {
  const names = languages.flatMap((language) =>
    monthNumbers.flatMap((month) => formsOf(language, month).map((name) => [name, month] as const)),
  );
  return new Map(names.reverse());
}

let months: Map<string, number> | undefined;

function dateOf(year: number, month: number, day: number): Date | undefined {
  const date = new Date(Date.UTC(year, month, day));
  const isReal = date.getUTCFullYear() === year && date.getUTCMonth() === month && date.getUTCDate() === day;
  return isReal && year >= 1990 ? date : undefined;
}

function monthOf(name: string | undefined): number | undefined {
  months ??= monthNames();
  return name === undefined ? undefined : months.get(name.toLowerCase());
}

/** A date in the form that machines write: ISO 8601, also without a time or zone (taken as UTC), or RFC 2822. */
export function readMachineDate(text: string | undefined | null): Date | undefined {
  const trimmed = text?.trim() ?? '';
  const iso = /^(\d{4})-(\d{2})(?:-(\d{2}))?(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s*(Z|[+-]\d{2}:?\d{2})?)?/i.exec(trimmed);
  if (iso !== null) {
    const [, year, month, day = '01', time, zone = 'Z'] = iso;
    const offset = /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
    const date = new Date(time === undefined ? `${year}-${month}-${day}T00:00:00Z` : `${year}-${month}-${day}T${time}${offset}`);
    return Number.isNaN(date.getTime()) ? undefined : date;
  }
  if (/^(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4}/.test(trimmed)) {
    const date = new Date(trimmed);
    return Number.isNaN(date.getTime()) ? undefined : date;
  }
  return findDate(trimmed.slice(0, 100))?.date;
}

export type FoundDate = { readonly date: Date; readonly index: number; readonly length: number };

const patterns: readonly { readonly pattern: RegExp; readonly read: (match: RegExpExecArray) => Date | undefined }[] = [
  { pattern: /\b(\d{4})-(\d{2})-(\d{2})\b/, read: ([, y, m, d]) => dateOf(Number(y), Number(m) - 1, Number(d)) },
  {
    pattern: /(?<![\d.])(\d{1,2})(?:st|nd|rd|th|\.)?\s+(?:of\s+|de\s+)?(\p{L}{3,12})\.?,?\s+(?:de\s+)?(\d{4})\b/u,
    read: ([, d, name, y]) => {
      const month = monthOf(name);
      return month === undefined ? undefined : dateOf(Number(y), month, Number(d));
    },
  },
  {
    pattern: /(?<!\p{L})(\p{L}{3,12})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b/u,
    read: ([, name, d, y]) => {
      const month = monthOf(name);
      return month === undefined ? undefined : dateOf(Number(y), month, Number(d));
    },
  },
  { pattern: /(?<![\d.])(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})\b/, read: ([, d, m, y]) => dateOf(Number(y), Number(m) - 1, Number(d)) },
];

/** The first date in a line of text as people write it: "2 May 2026", "March 2, 2026", "14.08.2026", "2026-05-02". */
export function findDate(text: string): FoundDate | undefined {
  for (const { pattern, read } of patterns) {
    const match = pattern.exec(text);
    const date = match === null ? undefined : read(match);
    if (match !== null && date !== undefined) return { date, index: match.index, length: match[0].length };
  }
  return undefined;
}
