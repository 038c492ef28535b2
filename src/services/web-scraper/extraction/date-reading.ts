/** Languages whose month names are understood. */
const languages = ['en', 'de', 'fr', 'es', 'it', 'nl', 'pt', 'pl', 'bg', 'sv', 'da', 'cs', 'ru', 'uk', 'ro', 'el'];

function monthNames(): Map<string, number> {
  const names = new Map<string, number>();
  for (const language of languages) {
    for (let month = 0; month < 12; month += 1) {
      const day = new Date(Date.UTC(2026, month, 15));
      for (const style of ['long', 'short'] as const) {
        // With a day beside it, languages that decline give the form that stands in dates.
        for (const options of [{ month: style }, { month: style, day: 'numeric' }] as const) {
          const parts = new Intl.DateTimeFormat(language, { ...options, timeZone: 'UTC' }).formatToParts(day);
          const name = parts
            .find((part) => part.type === 'month')
            ?.value.toLowerCase()
            .replace(/\.$/, '');
          if (name !== undefined && /^\p{L}{3,}$/u.test(name) && !names.has(name)) names.set(name, month);
        }
      }
    }
  }
  return names;
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
