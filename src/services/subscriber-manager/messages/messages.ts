import { IntlMessageFormat } from 'intl-messageformat';
import { bg } from './bg.ts';
import { en, type MessageKey, type Messages } from './en.ts';
import { hu } from './hu.ts';

export type { MessageKey };

export const catalogues = { en, bg, hu } as const satisfies Record<string, Messages>;
export type PageLanguage = keyof typeof catalogues;
export const pageLanguages = Object.keys(catalogues) as readonly PageLanguage[];

export type MessageValues = Readonly<Record<string, string | number>>;

/** Text, not markup: whoever puts it into a page escapes it. */
export type Translate = (key: MessageKey, values?: MessageValues) => string;

const parsed = new Map<string, IntlMessageFormat>();

export function createTranslate(language: PageLanguage): Translate {
  const messages: Messages = catalogues[language];
  return (key, values) => {
    const name = `${language} ${key}`;
    const format = parsed.get(name) ?? new IntlMessageFormat(messages[key], language, undefined, { ignoreTag: true });
    parsed.set(name, format);
    return String(format.format({ ...values }));
  };
}

/** `25 December 2026`, as the language has it, by the clock of the time zone. */
export function formatDay(language: PageLanguage, at: Date, timeZone: string): string {
  return new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, { dateStyle: 'long', timeZone }).format(at);
}

/** The first of these language tags that the pages are written in: `bg-BG` is `bg`. */
export function findPageLanguage(...tags: readonly (string | null | undefined)[]): PageLanguage | undefined {
  for (const tag of tags) {
    const language = tag?.toLowerCase().split('-', 1)[0];
    const found = pageLanguages.find((each) => each === language);
    if (found !== undefined) return found;
  }
  return undefined;
}

const longestHeader = 500;

/** What a browser asks for by `Accept-Language`, best first (RFC 9110, 12.5.4). */
export function readAcceptLanguage(header: string | undefined): readonly string[] {
  return (header ?? '')
    .slice(0, longestHeader)
    .split(',')
    .map((part) => {
      const [tag = '', weight] = part.trim().split(/\s*;\s*q=/i);
      return { tag, weight: weight === undefined ? 1 : Number(weight) };
    })
    .filter(({ tag, weight }) => /^[a-z]{1,8}(-[a-z0-9]{1,8})*$/i.test(tag) && weight > 0 && weight <= 1)
    .sort((left, right) => right.weight - left.weight)
    .map(({ tag }) => tag);
}
