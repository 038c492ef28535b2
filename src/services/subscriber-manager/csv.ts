import { AppError } from '#shared/errors';

export type CsvRecord = {
  /** Line of the file on which the record begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
};

/**
 * Reads CSV as RFC 4180 has it (quoted fields may hold commas, quotes and line breaks; LF is taken as well as CRLF), piece
 * by piece, so that a file of any size passes through. Blank lines are left out.
 * @throws AppError `csv_invalid` with the line
 */
export async function* readCsv(chunks: AsyncIterable<string> | Iterable<string>): AsyncGenerator<CsvRecord> {
  let state: 'start' | 'plain' | 'quoted' | 'afterQuote' = 'start';
  let field = '';
  let fields: string[] = [];
  let line = 1;
  let recordLine = 1;
  let isFirst = true;

  const endField = () => {
    fields.push(field);
    field = '';
    state = 'start';
  };
  /** Undefined for a blank line. */
  const endRecord = (): CsvRecord | undefined => {
    const isBlank = fields.length === 0 && field === '' && state === 'start';
    endField();
    const record = { line: recordLine, fields };
    fields = [];
    return isBlank ? undefined : record;
  };
  const fault = (what: string) => new AppError('csv_invalid', `Line ${line}: ${what}`, { status: 422 });

  for await (const chunk of chunks) {
    for (const char of isFirst ? chunk.replace(/^\uFEFF/, '') : chunk) {
      if (state === 'quoted') {
        if (char === '"') state = 'afterQuote';
        else field += char;
        if (char === '\n') line += 1;
        continue;
      }
      if (char === '"') {
        if (state === 'plain') throw fault('a quote stands inside a field that does not begin with one');
        if (state === 'afterQuote') field += '"';
        state = 'quoted';
      } else if (char === ',') {
        endField();
        // A comma that ends the line is followed by an empty field.
        state = 'start';
      } else if (char === '\n') {
        if (state !== 'afterQuote' && field.endsWith('\r')) field = field.slice(0, -1);
        if (field === '' && fields.length === 0 && state === 'plain') state = 'start';
        const record = endRecord();
        if (record !== undefined) yield record;
        line += 1;
        recordLine = line;
      } else if (state === 'afterQuote') {
        if (char !== '\r') throw fault('only a comma or a line end may follow a closing quote');
      } else {
        field += char;
        state = 'plain';
      }
    }
    isFirst = false;
  }
  if (state === 'quoted') throw fault('a quoted field is not closed');
  if (fields.length > 0 || field !== '' || state === 'afterQuote') {
    const record = endRecord();
    if (record !== undefined) yield record;
  }
}

/** Records as objects by the names in the first one. @throws AppError `csv_invalid` when a record has another length. */
export async function* readCsvObjects(
  chunks: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<{ readonly line: number; readonly values: Readonly<Record<string, string>> }> {
  let names: readonly string[] | undefined;
  for await (const { line, fields } of readCsv(chunks)) {
    if (names === undefined) {
      names = fields.map((name) => name.trim());
      continue;
    }
    if (fields.length !== names.length) {
      throw new AppError('csv_invalid', `Line ${line}: ${fields.length} fields stand under ${names.length} names.`, { status: 422 });
    }
    yield { line, values: Object.fromEntries(names.map((name, index) => [name, fields[index] ?? ''])) };
  }
}
