import { AppError } from '#shared/errors';
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
import { readCsv } from './csv.ts';

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

/** @throws AppError `csv_invalid` when the first line is not the names of the columns: nothing has been imported then. */
export async function* readImportRows(chunks: AsyncIterable<string> | Iterable<string>): AsyncGenerator<ImportRow | ImportFault> {
  let columns: readonly ImportColumn[] | undefined;
  for await (const record of readCsv(chunks)) {
    if (columns === undefined) {
      if ('fault' in record) throw headerFault(`line ${record.line}: ${record.fault}`);
      columns = readHeader(record.fields);
      continue;
    }
    if ('fault' in record) {
      yield { line: record.line, field: null, message: record.fault, value: '' };
      continue;
    }
    const { line, fields } = record;
    if (fields.length !== columns.length) {
      const message = `${fields.length} fields stand under ${columns.length} names`;
      yield { line, field: null, message, value: shortenValue(fields.join(',')) };
      continue;
    }
    yield { line, values: Object.fromEntries(columns.map((name, index) => [name, fields[index] ?? ''])) };
  }
  if (columns === undefined) throw headerFault('it is empty');
}

function readHeader(fields: readonly string[]): ImportColumn[] {
  const names = fields.map((name) => name.trim().toLowerCase());
  // A column that we would drop in silence could be the one that says who must not be written to.
  const unknown = names.filter((name) => !(importColumns as readonly string[]).includes(name));
  if (unknown.length > 0) {
    const shown = unknown.slice(0, maxShownNames).map((name) => `"${shortenValue(name)}"`);
    throw headerFault(`it has unknown columns: ${shown.join(', ')}`);
  }
  if (new Set(names).size !== names.length) throw headerFault('a column stands twice in it');
  if (!names.includes('email')) throw headerFault('it has no column "email"');
  return names as ImportColumn[];
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
