import type { FieldFault } from '#shared/errors';
import { type Frequency, frequencies, type MailFormat, mailFormats, type Preferences, type Profile } from './subscriber-types.ts';

export { maxEmailLength, readEmail } from './email-address.ts';

export type Reading<T> = { readonly value: T } | { readonly fault: string };

export const maxNameLength = 200;
export const maxTagLength = 50;
export const maxTags = 50;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
const controlCharacter = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const replacementCharacter = '\uFFFD';

const regionNames = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });
const languageNames = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });
// Known to the library, and no country: unknown, pseudo, the European Union and the like.
const noCountries: ReadonlySet<string> = new Set(['ZZ', 'XA', 'XB', 'EU', 'EZ', 'UN', 'QO']);

/** Faults that every text field shares, or undefined. */
export function findTextFault(text: string, maxLength: number): string | undefined {
  if (text.length > maxLength) return `must not have more than ${maxLength} characters`;
  if (controlCharacter.test(text)) return 'must not contain control characters';
  return text.includes(replacementCharacter) || !text.isWellFormed() ? 'is not valid Unicode (UTF-8) text' : undefined;
}

export function readName(text: string): Reading<string | null> {
  const fault = findTextFault(text, maxNameLength);
  return fault === undefined ? { value: text.trim() || null } : { fault };
}

export function readCountry(text: string): Reading<string> {
  const code = text.trim().toUpperCase();
  const isCountry = /^[A-Z]{2}$/.test(code) && !noCountries.has(code) && regionNames.of(code) !== undefined;
  return isCountry ? { value: code } : { fault: 'must be a country code of ISO 3166-1 such as BG' };
}

/** Every code that `readCountry` takes. */
export function listCountries(): string[] {
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  return letters.flatMap((first) => letters.map((second) => `${first}${second}`)).filter((code) => 'value' in readCountry(code));
}

export function readLanguage(text: string): Reading<string> {
  const tag = text.trim();
  const fault = { fault: 'must be a language tag such as en or pt-BR' };
  if (!/^[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}$/i.test(tag)) return fault;
  try {
    const canonical = Intl.getCanonicalLocales(tag)[0] ?? tag;
    return languageNames.of(canonical.split('-')[0] ?? '') === undefined ? fault : { value: canonical };
  } catch (error) {
    if (error instanceof RangeError) return fault;
    throw error;
  }
}

// Asking the library takes long, and a list of subscribers names the same few zones over and over.
const knownTimeZones = new Set<string>();
const maxKnownTimeZones = 1000;

export function readTimeZone(text: string): Reading<string> {
  const name = text.trim();
  if (knownTimeZones.has(name)) return { value: name };
  const fault = { fault: 'must be a time zone such as Europe/Sofia' };
  if (!/^[A-Za-z][\w+/-]{1,63}$/.test(name)) return fault;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
  } catch (error) {
    if (error instanceof RangeError) return fault;
    throw error;
  }
  if (knownTimeZones.size < maxKnownTimeZones) knownTimeZones.add(name);
  return { value: name };
}

/** Tags are compared in lower case, and `;` parts them in files. */
export function readTags(texts: readonly string[]): Reading<readonly string[]> {
  const tags = [...new Set(texts.map((text) => text.trim().toLowerCase()).filter((text) => text !== ''))];
  if (tags.length > maxTags) return { fault: `must not be more than ${maxTags} tags` };
  for (const tag of tags) {
    const fault = tag.includes(';') ? 'must not contain a semicolon' : findTextFault(tag, maxTagLength);
    if (fault !== undefined) return { fault: `a tag ${fault}` };
  }
  return { value: tags };
}

/** A day (UTC) or a moment with its offset, at most `latest`. */
export function readPastTime(text: string, latest: Date): Reading<Date> {
  const value = readIsoTime(text.trim());
  if (value === undefined) return { fault: 'must be a date such as 2026-01-31 or 2026-01-31T12:00:00Z' };
  if (value > latest) return { fault: 'must not lie in the future' };
  return value.getTime() < 0 ? { fault: 'must not lie before 1970' } : { value };
}

/** Undefined unless it is a day or moment that exists: JavaScript alone would take 30 February for 2 March. */
export function readIsoTime(text: string): Date | undefined {
  const [, day] = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/.exec(text) ?? [];
  const midnight = new Date(`${day}T00:00:00Z`);
  const value = new Date(text);
  if (Number.isNaN(midnight.getTime()) || Number.isNaN(value.getTime())) return undefined;
  return midnight.toISOString().startsWith(`${day}T`) ? value : undefined;
}

const maxTopics = 50;

/** Slugs of the categories that the site has. */
export function readTopics(slugs: readonly string[], known: ReadonlySet<string>): Reading<readonly string[]> {
  const topics = [...new Set(slugs.map((slug) => slug.trim()).filter((slug) => slug !== ''))];
  if (topics.length > maxTopics) return { fault: `must not be more than ${maxTopics} topics` };
  return topics.every((slug) => known.has(slug))
    ? { value: topics }
    : { fault: `must be of ${[...known].join(', ') || 'no topic at all'}` };
}

export function readFrequency(text: string): Reading<Frequency> {
  const value = frequencies.find((each) => each === text.trim());
  return value === undefined ? { fault: `must be one of ${frequencies.join(', ')}` } : { value };
}

export function readFormat(text: string): Reading<MailFormat> {
  const value = mailFormats.find((each) => each === text.trim());
  return value === undefined ? { fault: `must be one of ${mailFormats.join(', ')}` } : { value };
}

export function readSendHour(text: string): Reading<number> {
  const value = /^\d{1,2}$/.test(text.trim()) ? Number(text) : Number.NaN;
  return value >= 0 && value <= 23 ? { value } : { fault: 'must be an hour from 0 to 23' };
}

/** What is absent stays as it is; null takes the value away. */
export type ProfileInput = {
  readonly name?: string | null | undefined;
  readonly country?: string | null | undefined;
  readonly language?: string | undefined;
  readonly timezone?: string | null | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly topics?: readonly string[] | undefined;
  readonly frequency?: string | undefined;
  readonly format?: string | undefined;
  readonly sendHour?: number | string | null | undefined;
};

export type Details = Partial<Profile & Preferences>;

export function readProfile(
  input: ProfileInput,
  topics: ReadonlySet<string> = new Set(),
): { readonly profile: Details; readonly faults: readonly FieldFault[] } {
  const faults: FieldFault[] = [];
  const read = <I, T>(field: keyof Details, given: I | null | undefined, reader: (given: I) => Reading<T>) => {
    if (given === undefined) return {};
    if (given === null) return { [field]: null };
    const reading = reader(given);
    if ('value' in reading) return { [field]: reading.value };
    faults.push({ path: `/${field}`, message: reading.fault });
    return {};
  };
  const profile: Details = {
    ...read('name', input.name, readName),
    ...read('country', input.country, readCountry),
    ...read('language', input.language, readLanguage),
    ...read('timezone', input.timezone, readTimeZone),
    ...read('tags', input.tags, readTags),
    ...read('topics', input.topics, (given) => readTopics(given, topics)),
    ...read('frequency', input.frequency, readFrequency),
    ...read('format', input.format, readFormat),
    ...read('sendHour', input.sendHour, (given) => readSendHour(String(given))),
  };
  return { profile, faults };
}
