import { createTurn } from './turn.ts';

export type CsvRecord = {
  /** Line of the file on which the record begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
};

export type CsvFault = { readonly line: number; readonly fault: string };

/** One quote that is never closed would otherwise swallow a file of any size. */
const maxRecordLength = 65_536;
/** Characters that are read without a look at the time: less than a millisecond's work. */
const pieceLength = 4096;

/**
 * Reads CSV as RFC 4180 has it (quoted fields may hold commas, quotes and line breaks; LF is taken as well as CRLF), piece
 * by piece, so that a file of any size passes through. Blank lines are left out. A record that breaks the rules is given
 * back as a fault, and reading goes on with the next line; after an unclosed quote nobody can say where that is, so it ends.
 * However large a piece is, it and what is done with its records hold up other work for some milliseconds at a time.
 */
export async function* readCsv(chunks: AsyncIterable<string> | Iterable<string>): AsyncGenerator<CsvRecord | CsvFault> {
  const parser = new CsvParser();
  const turn = createTurn();
  let isFirst = true;
  for await (const piece of inPieces(chunks)) {
    if (turn.isOver()) await turn.next();
    const text = isFirst ? piece.replace(/^\uFEFF/, '') : piece;
    isFirst = false;
    for (const char of text) {
      const record = parser.push(char);
      if (record !== undefined) {
        yield record;
        if (turn.isOver()) await turn.next();
      }
      if (parser.hasEnded) return;
    }
  }
  const last = parser.end();
  if (last !== undefined) yield last;
}

/** None is empty. A surrogate pair that is cut apart joins again in its field. */
async function* inPieces(chunks: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += pieceLength) yield chunk.slice(at, at + pieceLength);
  }
}

class CsvParser {
  hasEnded = false;
  private state: 'start' | 'plain' | 'quoted' | 'afterQuote' | 'faulty' = 'start';
  private field = '';
  private fields: string[] = [];
  private length = 0;
  private line = 1;
  private recordLine = 1;
  private fault = '';

  /** Takes one character; answers with what it completed. */
  push(char: string): CsvRecord | CsvFault | undefined {
    this.length += 1;
    if (this.length > maxRecordLength) return this.giveUp();
    if (this.state === 'quoted') {
      if (char === '\n') this.line += 1;
      if (char === '"') this.state = 'afterQuote';
      else this.field += char;
      return undefined;
    }
    if (char === '\n') {
      const record = this.endRecord();
      this.line += 1;
      this.recordLine = this.line;
      return record;
    }
    if (this.state !== 'faulty') this.take(char);
    return undefined;
  }

  end(): CsvRecord | CsvFault | undefined {
    return this.state === 'quoted' ? this.giveUp() : this.endRecord();
  }

  /** A character outside quotes that ends no line. */
  private take(char: string): void {
    if (char === ',') this.endField();
    else if (char === '"') {
      if (this.state === 'afterQuote') this.field += '"';
      if (this.state === 'plain') this.markFaulty('a quote stands inside a field that does not begin with one');
      else this.state = 'quoted';
    } else if (this.state !== 'afterQuote') {
      this.field += char;
      this.state = 'plain';
    } else if (char !== '\r') this.markFaulty('only a comma or a line end may follow a closing quote');
  }

  private markFaulty(fault: string): void {
    this.fault = fault;
    this.state = 'faulty';
  }

  private endField(): void {
    this.fields.push(this.field);
    this.field = '';
    this.state = 'start';
  }

  /** Undefined for a blank line. */
  private endRecord(): CsvRecord | CsvFault | undefined {
    const { state, recordLine, fields } = this;
    if (state === 'plain' && this.field.endsWith('\r')) this.field = this.field.slice(0, -1);
    const isBlank = fields.length === 0 && this.field === '' && (state === 'start' || state === 'plain');
    this.endField();
    this.fields = [];
    this.length = 0;
    if (state === 'faulty') return { line: recordLine, fault: this.fault };
    return isBlank ? undefined : { line: recordLine, fields };
  }

  private giveUp(): CsvFault {
    this.hasEnded = true;
    const cause = this.state === 'quoted' ? 'a quoted field is not closed' : 'the line is too long';
    return { line: this.recordLine, fault: `${cause}; nothing after it was read` };
  }
}
