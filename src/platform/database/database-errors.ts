import pg from 'pg';
import { AppError, messageOf } from '#shared/errors';

/** Codes of failures after which the same request may succeed: classes 08, 53 and 58, 57P0x and socket errors. */
const unavailableCodes =
  /^(08\w{3}|57P0[123]|53[0-9A-Z]{3}|58\w{3}|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOENT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN)$/;

/** Of the driver, which gives them no code. */
const unavailableMessages =
  /Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|is not queryable|server closed the connection/i;

const diskFull = '53100';

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** True when the server said what is wrong with a statement: the connection itself is sound. */
export function isAnswerOfServer(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity !== 'FATAL' && error.severity !== 'PANIC';
}

export function databaseUnavailable(cause?: unknown): AppError {
  return new AppError('database_unavailable', 'The database cannot be reached at the moment.', {
    status: 503,
    retryable: true,
    retryAfterSeconds: 2,
    cause,
  });
}

/** The server is well, but every connection to it is in use. */
export function databaseBusy(cause?: unknown): AppError {
  return new AppError('database_busy', 'Too many requests wait for the database at the moment.', {
    status: 503,
    retryable: true,
    retryAfterSeconds: 5,
    cause,
  });
}

/** True when another server may answer what this one did not. */
export function isServerFailure(error: unknown): boolean {
  const translated = translateDatabaseError(error);
  return translated instanceof AppError && translated.code === 'database_unavailable';
}

/** A replica ended the statement so that it could go on replaying. Nothing is wrong with either. */
export function isRecoveryConflict(error: unknown): boolean {
  return /^(40001|40P01|57014|57P0\d)$/.test(codeOf(error)) && /conflict with recovery/.test(messageOf(error));
}

/** A replica that lags may not know yet what a migration has just made. */
export function mayLackSchema(error: unknown): boolean {
  return /^(42P01|42703|42883|42704|3F000)$/.test(codeOf(error));
}

const outageCodes: ReadonlySet<unknown> = new Set(['database_unavailable', 'database_busy', 'database_full']);

/** True for what `translateDatabaseError` calls an outage. The database's own log says it once: nobody else needs to. */
export function isDatabaseOutage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && outageCodes.has(error.code);
}

/** Names the outage so that the edge can answer 503 with Retry-After; every other error passes as it is. */
export function translateDatabaseError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  if (code === diskFull) {
    return new AppError('database_full', 'The database has no space left on its disk. Nothing was changed.', {
      status: 503,
      retryable: true,
      retryAfterSeconds: 30,
      cause: error,
    });
  }
  if (unavailableCodes.test(code) || (error instanceof Error && unavailableMessages.test(error.message))) return databaseUnavailable(error);
  return error;
}
