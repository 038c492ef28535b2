import { type ByteSource, type CsvOptions, readCsv } from '#platform/database';
import { AppError } from '#shared/errors';
import { createTurn } from '#shared/turn';
import {
  maxTags,
  type Reading,
  readCountry,
  readEmail,
  readLanguage,
  readName,
  readPastTime,
  readTags,
  readTimeZone,
} from '../subscribers/subscriber-fields.ts';

/** The columns of a file, in any order; only `email` must be there. */
export const importColumns = ['email', 'name', 'country', 'language', 'timezone', 'tags', 'subscription_date'] as const;
export type ImportColumn = (typeof importColumns)[number];

/** Texts by column. */
export type ImportRow = { readonly line: number; readonly values: Readonly<Partial<Record<ImportColumn, string>>> };

export type ImportFault = {
  /** Line of the file, from 1. */
  readonly line: number;
  /** Null when the fault is about the whole line. */
  readonly field: ImportColumn | null;
  readonly message: string;
  /** What stood there, shortened. */
  readonly value: string;
};

/** A row that passed: what is absent in it stays as it was. */
export type Candidate = {
  readonly email: string;
  readonly name: string | undefined;
  readonly country: string | undefined;
  readonly language: string | undefined;
  readonly timezone: string | undefined;
  readonly tags: readonly string[];
  readonly subscriptionDate: Date | undefined;
};

const maxShownLength = 80;
const maxShownNames = 20;

export const shortenValue = (value: string) => {
  const shown = value.toWellFormed();
  return shown.length > maxShownLength ? `${shown.slice(0, maxShownLength).toWellFormed()}…` : shown;
};

export type ImportFileOptions = Pick<CsvOptions, 'delimiter' | 'maxBytes'>;

/**
 * What is done with a row holds up other work for some milliseconds at a time, however many rows come at once.
 *
 * @throws AppError `csv_invalid` when the first line is not the names of the columns: nothing has been imported then; as `readCsv` does
 */
export async function* readImportRows(source: ByteSource, options: ImportFileOptions = {}): AsyncGenerator<ImportRow | ImportFault> {
  const turn = createTurn();
  for await (const rows of readCsv(source, { ...options, toColumns: readHeader })) {
    for (const row of rows) {
      if (turn.isOver()) await turn.next();
      if ('value' in row) yield { line: row.line, values: row.value };
      else yield { line: row.line, field: null, message: row.fault, value: shortenValue(row.fields?.join(',') ?? '') };
    }
  }
}

function readHeader(given: readonly string[]): readonly string[] {
  const names = given.map((name) => name.toLowerCase());
  // A column that we would drop in silence could be the one that says who must not be written to.
  const unknown = names.filter((name) => !(importColumns as readonly string[]).includes(name));
  if (unknown.length > 0) {
    const shown = unknown.slice(0, maxShownNames).map((name) => `"${shortenValue(name)}"`);
    throw headerFault(`it has unknown columns: ${shown.join(', ')}`);
  }
  if (new Set(names).size !== names.length) throw headerFault('a column stands twice in it');
  if (!names.includes('email')) throw headerFault('it has no column "email"');
  return names;
}

function headerFault(what: string): AppError {
  const message = `The first line must name the columns, of ${importColumns.join(', ')}; ${what}.`;
  return new AppError('csv_invalid', message, { status: 422, fields: [{ path: '/', message }] });
}

const maxRemembered = 1000;
const longestRemembered = 40;

/** Asking the library takes long, and a list of subscribers has the same few countries and languages over and over. */
function remember<T>(reader: (text: string) => Reading<T>): (text: string) => Reading<T> {
  const known = new Map<string, Reading<T>>();
  return (text) => {
    const remembered = known.get(text);
    if (remembered !== undefined) return remembered;
    const reading = reader(text);
    if ('value' in reading && text.length <= longestRemembered && known.size < maxRemembered) known.set(text, reading);
    return reading;
  };
}

const readKnownCountry = remember(readCountry);
const readKnownLanguage = remember(readLanguage);

/** The row as a candidate, or every fault in it. */
export function readCandidate({ line, values }: ImportRow, now: Date): Candidate | readonly ImportFault[] {
  const faults: ImportFault[] = [];
  const read = <T>(field: ImportColumn, reader: (text: string) => Reading<T>): T | undefined => {
    const text = values[field] ?? '';
    if (text.trim() === '' && field !== 'email') return undefined;
    const reading = reader(text);
    if ('value' in reading) return reading.value;
    faults.push({ line, field, message: reading.fault, value: shortenValue(text) });
    return undefined;
  };
  const email = read('email', readEmail);
  const candidate = {
    name: read('name', readName) ?? undefined,
    country: read('country', readKnownCountry),
    language: read('language', readKnownLanguage),
    timezone: read('timezone', readTimeZone),
    // One more than are allowed suffices to say that there are too many.
    tags: read('tags', (text) => readTags(text.split(';', 10 * maxTags))) ?? [],
    subscriptionDate: read('subscription_date', (text) => readPastTime(text, now)),
  };
  return faults.length > 0 || email === undefined ? faults : { email, ...candidate };
}
