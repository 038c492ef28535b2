import pg from 'pg';
import { AppError } from '#shared/errors';

/** What may be told of a failed statement: nothing in it comes from its parameters. */
export type ErrorSummary = {
  /** SQLSTATE, the code of a socket error, or the name of the error. */
  readonly code: string;
  readonly message: string;
};

// Appendix A of PostgreSQL's manual.
const conditions: Readonly<Record<string, string>> = {
  '21000': 'one statement would change a row twice',
  '22001': 'text too long for its column',
  '22003': 'number out of range',
  '22007': 'invalid date or time',
  '22008': 'date or time out of range',
  '22012': 'division by zero',
  '22021': 'character that the encoding does not have',
  '22023': 'invalid parameter value',
  '22P02': 'text that is not of the type',
  '22P03': 'binary value that is not of the type',
  '22P05': 'character that cannot be translated',
  '23001': 'restricted by a reference',
  '23502': 'null in a column that needs a value',
  '23503': 'foreign key violation',
  '23505': 'unique violation',
  '23514': 'check violation',
  '23P01': 'exclusion violation',
  '44000': 'outside the check option of the view',
  P0001: 'exception raised by a function or trigger',
};

/**
 * Classes whose messages name things of the statement, of the schema or of the server, but no value: connection (08),
 * transaction state (25, 40), missing database (3D), rights and syntax (28, 42), resources (53, 54), state (55), operator (57)
 * and system (58).
 */
const tellableClasses = new Set(['08', '25', '28', '3D', '40', '42', '53', '54', '55', '57', '58']);
const maxMessageLength = 300;

/** Messages of the driver itself, which have no code. */
const driverMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered)/;

/**
 * Code and message of a failure without any value of the caller. PostgreSQL repeats parameters in its messages (`invalid input
 * syntax for type integer: "secret"`), in `detail` (`Key (email)=(…)`) and in `where`; functions write what they like in
 * theirs. So the messages of data errors are not passed on: they are replaced by the condition's name and by the identifiers
 * that the server gives beside it.
 */
export function summariseError(error: unknown): ErrorSummary {
  if (error instanceof AppError)
    return error.cause === undefined ? { code: error.code, message: error.message } : summariseError(error.cause);
  if (error instanceof pg.DatabaseError) return summariseAnswer(error);
  if (!(error instanceof Error)) return { code: 'unknown', message: 'unknown failure' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  const isTellable = /^E[A-Z]+$/.test(code) || driverMessages.test(error.message);
  return { code, message: isTellable ? error.message.slice(0, maxMessageLength) : error.name };
}

function summariseAnswer(error: pg.DatabaseError): ErrorSummary {
  const code = error.code ?? 'unknown';
  if (tellableClasses.has(code.slice(0, 2))) return { code, message: error.message.slice(0, maxMessageLength) };
  const places = [
    ['table', error.table],
    ['column', error.column],
    ['constraint', error.constraint],
    ['type', error.dataType],
  ] as const;
  const named = places.flatMap(([what, name]) => (name === undefined ? [] : [`${what} ${name}`]));
  const condition = conditions[code] ?? 'failure of the data';
  return { code, message: named.length === 0 ? condition : `${condition} (${named.join(', ')})` };
}
