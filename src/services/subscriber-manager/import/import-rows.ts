import { type ByteSource, type CsvRow, type FileRow, readCsv, readNdjson } from '#platform/database';
import { AppError } from '#shared/errors';
import { type ImportColumn, type ImportFault, type ImportOptions, type ImportRow, importColumns } from './import-types.ts';
import { decodeText } from './text-encoding.ts';

const maxShownLength = 80;
const maxShownNames = 20;

export const shortenValue = (value: string) => {
  const shown = value.toWellFormed();
  return shown.length > maxShownLength ? `${shown.slice(0, maxShownLength).toWellFormed()}…` : shown;
};

export type ReadOptions = Pick<ImportOptions, 'format' | 'mapping' | 'delimiter' | 'encoding'> & {
  /** Names of the custom fields that there are. */
  readonly customFields: ReadonlySet<string>;
  /** Of the unpacked file. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
};

/**
 * The rows of a file, in chunks, by the columns that they are for.
 *
 * @throws AppError `csv_invalid` when the first line does not name known columns: nothing has been given then; `encoding_wrong`; as
 * `readCsv` and `readNdjson` do
 */
export async function* readImportRows(source: ByteSource, options: ReadOptions): AsyncGenerator<(ImportRow | ImportFault)[]> {
  const text = decodeText(source, options);
  const limits = { maxBytes: options.maxBytes ?? Number.MAX_SAFE_INTEGER, ...(options.signal && { signal: options.signal }) };
  const toColumn = createColumnReader(options);
  if (options.format === 'ndjson') {
    for await (const rows of readNdjson(text, limits)) yield rows.map((row) => readObject(row, toColumn));
    return;
  }
  const toColumns = (names: readonly string[]) => readHeader(names, toColumn);
  for await (const rows of readCsv(text, { ...limits, delimiter: options.delimiter, toColumns })) yield rows.map(readRecord);
}

const ignored = 'ignored:';
// Our own export guards text that a spreadsheet would take for a formula with an apostrophe.
const unguard = (text: string) => (/^'[=+\-@\t\r]/.test(text) ? text.slice(1) : text);

type ToColumn = (name: string) => ImportColumn | null | undefined;

/** Null for a column that is left out, undefined for one that nobody knows. */
function createColumnReader({ mapping, customFields }: Pick<ReadOptions, 'mapping' | 'customFields'>): ToColumn {
  const given = new Map(Object.entries(mapping).map(([name, column]) => [name.trim().toLowerCase(), column]));
  return (name) => {
    const key = name.trim().toLowerCase();
    const mapped = given.has(key) ? given.get(key) : key;
    if (mapped === null) return null;
    const column = mapped?.trim().toLowerCase() ?? '';
    const isKnown =
      (importColumns as readonly string[]).includes(column) || (column.startsWith('custom:') && customFields.has(column.slice(7)));
    return isKnown ? (column as ImportColumn) : undefined;
  };
}

function readHeader(names: readonly string[], toColumn: ToColumn): readonly string[] {
  const columns = names.map(toColumn);
  // A column that we would drop in silence could be the one that says who must not be written to.
  const unknown = names.filter((_, index) => columns[index] === undefined);
  if (unknown.length > 0) {
    const shown = unknown.slice(0, maxShownNames).map((name) => `"${shortenValue(name)}"`);
    throw headerFault(`it has unknown columns: ${shown.join(', ')}; map each to a column, or to null to leave it out`);
  }
  const used = columns.filter((column) => column !== null);
  const twice = used.find((column, index) => used.indexOf(column) !== index);
  if (twice !== undefined) throw headerFault(`two of its columns are for "${twice}"`);
  if (!used.includes('email')) throw headerFault('it has no column "email"');
  return columns.map((column, index) => column ?? `${ignored}${index}`);
}

function headerFault(what: string): AppError {
  const message = `The first line must name the columns, of ${importColumns.join(', ')} and custom:<name>; ${what}.`;
  return new AppError('csv_invalid', message, { status: 422, fields: [{ path: '/', message }] });
}

function readRecord(row: CsvRow): ImportRow | ImportFault {
  if ('fault' in row) return { line: row.line, field: null, message: row.fault, value: shortenValue(row.fields?.join(',') ?? '') };
  const values: Record<string, string> = {};
  for (const name of Object.keys(row.value)) {
    if (!name.startsWith(ignored)) values[name] = unguard(row.value[name] ?? '');
  }
  return { line: row.line, values };
}

function textOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value) && value.every((part) => typeof part === 'string' && !part.includes(';'))) return value.join(';');
  return undefined;
}

/** Custom fields stand under their names in `customFields`, or as `custom:<name>`. */
function readObject(row: FileRow<unknown>, toColumn: ToColumn): ImportRow | ImportFault {
  if ('fault' in row) return { line: row.line, field: null, message: row.fault, value: '' };
  const { line, value } = row;
  const fault = (field: string | null, message: string, shown = ''): ImportFault => ({ line, field, message, value: shortenValue(shown) });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fault(null, 'is no JSON object');
  const { customFields = {}, ...plain } = value as Record<string, unknown>;
  const custom = typeof customFields === 'object' && customFields !== null ? Object.entries(customFields) : [];
  const values: Record<string, string> = {};
  for (const [name, given] of [...Object.entries(plain), ...custom.map(([key, part]) => [`custom:${key}`, part] as const)]) {
    const column = toColumn(name);
    if (column === null) continue;
    if (column === undefined) return fault(name.slice(0, maxShownLength), 'is no known column; map it to one, or to null to leave it out');
    const text = textOf(given);
    if (text === undefined) return fault(column, 'must be text, a number, true, false, or a list of texts', JSON.stringify(given));
    values[column] = text;
  }
  return { line, values };
}
