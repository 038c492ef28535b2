import { errors } from 'undici';
import { AppError, type AppErrorOptions, messageOf } from '#shared/errors';

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '');

const isCertificateCode = (code: string) =>
  /^(CERT_|ERR_TLS_CERT|UNABLE_TO_(VERIFY|GET)|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH)/.test(code);

// Of zlib, Brotli and Zstandard, as Node names them.
const isDecoderCode = (code: string) => /^(Z_|ERR_BROTLI|ERR__ERROR|ZSTD_)/.test(code);

export function clientError(
  code: string,
  message: string,
  options: Pick<AppErrorOptions, 'retryable' | 'retryAfterSeconds' | 'status' | 'cause'> = {},
): AppError {
  return new AppError(code, message, { status: 502, ...options });
}

/** Anything but an AppError becomes `connect_failed`. */
export function toAppError(error: unknown): AppError {
  return error instanceof AppError ? error : clientError('connect_failed', messageOf(error), { retryable: true, cause: error });
}

/** What undici, Node's sockets or zlib threw, as a person would say it. `hasAnswered`: the response's head had arrived. */
export function translateFailure(error: unknown, host: string, hasAnswered: boolean): AppError {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || (code === 'ETIMEDOUT' && !hasAnswered)) {
    return clientError('timed_out', `${host} accepted no connection in time.`, { status: 504, retryable: true, cause: error });
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return clientError('response_invalid', `${host} answered with headers that are too long.`, { cause: error });
  }
  if (error instanceof errors.HTTPParserError) {
    return clientError('response_invalid', `${host} answered with something that is not HTTP.`, { cause: error });
  }
  if (isDecoderCode(code)) {
    return clientError('response_invalid', `The compressed answer of ${host} is damaged (${code}).`, { cause: error });
  }
  if (isCertificateCode(code)) {
    return clientError('connect_failed', `The certificate of ${host} is not valid (${code}).`, { cause: error });
  }
  const reason = code || messageOf(error);
  if (hasAnswered) {
    return clientError('connection_lost', `${host} broke off in the middle of its answer (${reason}).`, { retryable: true, cause: error });
  }
  return clientError('connect_failed', `${host} cannot be reached (${reason}).`, { retryable: true, cause: error });
}
