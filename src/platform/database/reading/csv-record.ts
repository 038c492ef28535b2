export type CsvReading = 'open' | { readonly fields: readonly string[] } | { readonly fault: string };

export type CsvRecordReader = {
  /** Takes a line without its line feed. `open`: a quoted field goes on in the next line. */
  push(line: string): CsvReading;
};

const quote = '"';

/**
 * Reads records as RFC 4180 has them: quoted fields may hold delimiters, doubled quotes and line ends; LF is taken as well as
 * CRLF. After a fault it is ready for the next record.
 */
export function createCsvRecordReader(delimiter: string): CsvRecordReader {
  let fields: string[] = [];
  let field = '';
  let isOpen = false;

  function finish(): CsvReading {
    const complete = fields;
    fields = [];
    return { fields: complete };
  }

  function fail(fault: string): CsvReading {
    fields = [];
    field = '';
    return { fault };
  }

  /** Reads a quoted field on from there. @returns the place behind its closing quote, or undefined when that is not in this line */
  function readQuoted(line: string, start: number): number | undefined {
    for (let from = start; ; ) {
      const end = line.indexOf(quote, from);
      if (end === -1) {
        field += line.slice(from);
        return undefined;
      }
      field += line.slice(from, end);
      if (line[end + 1] !== quote) return end + 1;
      field += quote;
      from = end + 2;
    }
  }

  /** A field and all that follow it in this line. */
  function readFields(line: string, start: number, isQuoted: boolean): CsvReading {
    let inQuotes = isQuoted;
    for (let from = start; ; ) {
      if (inQuotes || line[from] === quote) {
        const behind = readQuoted(line, inQuotes ? from : from + 1);
        inQuotes = false;
        isOpen = behind === undefined;
        if (behind === undefined) return 'open';
        fields.push(field);
        field = '';
        if (behind === line.length || (line[behind] === '\r' && behind + 1 === line.length)) return finish();
        if (line[behind] !== delimiter) return fail('something stands between a closing quote and the next delimiter');
        from = behind + 1;
        continue;
      }
      const end = line.indexOf(delimiter, from);
      const plain = end === -1 ? withoutReturn(line.slice(from)) : line.slice(from, end);
      if (plain.includes(quote)) return fail('a quote stands inside a field that does not begin with one');
      fields.push(plain);
      if (end === -1) return finish();
      from = end + 1;
    }
  }

  return {
    push(line) {
      if (isOpen) {
        field += '\n';
        return readFields(line, 0, true);
      }
      // Most lines have none, and then splitting is all that there is to do.
      return line.includes(quote) ? readFields(line, 0, false) : { fields: withoutReturn(line).split(delimiter) };
    },
  };
}

function withoutReturn(text: string): string {
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}
