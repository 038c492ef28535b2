import type { FieldValue, Frequency, MailFormat } from '../subscribers/subscriber-types.ts';

/** What a column of a file can hold, beside `custom:<name>` for a custom field; only `email` must be there. */
export const importColumns = [
  'email',
  'name',
  'country',
  'language',
  'timezone',
  'tags',
  'topics',
  'frequency',
  'format',
  'send_hour',
  'subscription_date',
] as const;
export type ImportColumn = (typeof importColumns)[number] | `custom:${string}`;

export const importFormats = ['csv', 'ndjson'] as const;
export const importModes = ['update', 'skip', 'overwrite'] as const;

/**
 * What is done with an address that is known and may be written to. `update`: what the list says wins, what it leaves open stays,
 * tags are added. `skip`: nothing. `overwrite`: every column of the list replaces what was there, empty ones too.
 */
export type ImportMode = (typeof importModes)[number];

export type ImportOptions = {
  readonly format: (typeof importFormats)[number];
  readonly mode: ImportMode;
  /** Reads and checks everything, and writes nothing. */
  readonly isDryRun: boolean;
  /** The file's names of columns and what they hold; null: left out. A name that is not here is one of `importColumns` itself. */
  readonly mapping: Readonly<Record<string, string | null>>;
  /** One character; of CSV. */
  readonly delimiter: string;
  /** Given to everybody on the list. */
  readonly tags: readonly string[];
  /** Of the file's text. */
  readonly encoding: string;
  readonly allowDisposable: boolean;
  /** Where the list comes from; stands with each consent. */
  readonly source: string;
};

export const defaultImportOptions: ImportOptions = {
  format: 'csv',
  mode: 'update',
  isDryRun: false,
  mapping: {},
  delimiter: ',',
  tags: [],
  encoding: 'utf-8',
  allowDisposable: false,
  source: 'import',
};

/** Texts by column; null where a row says that there is nothing. */
export type ImportRow = { readonly line: number; readonly values: Readonly<Partial<Record<ImportColumn, string>>> };

export type ImportFault = {
  /** Line of the file, from 1. */
  readonly line: number;
  /** Null when the fault is about the whole line. */
  readonly field: string | null;
  readonly message: string;
  /** What stood there, shortened. */
  readonly value: string;
};

/** A row that passed. Absent: the list has no such column. Null: it stands empty. */
export type Candidate = {
  readonly email: string;
  readonly name?: string | null;
  readonly country?: string | null;
  readonly language?: string | null;
  readonly timezone?: string | null;
  readonly tags?: readonly string[];
  readonly topics?: readonly string[];
  readonly frequency?: Frequency | null;
  readonly format?: MailFormat | null;
  readonly sendHour?: number | null;
  readonly subscriptionDate?: Date | null;
  readonly customFields?: Readonly<Record<string, FieldValue | null>>;
};

export type ImportCounts = {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  /** Not to be written to, by reason: `unsubscribed`, `bounced`, `complained`, `suppressed`; `known` where the mode is `skip`. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Rows with a fault. They changed nothing. */
  readonly faulty: number;
};
