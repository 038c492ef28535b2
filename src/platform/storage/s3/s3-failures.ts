import { S3ServiceException } from '@aws-sdk/client-s3';
import { AppError, messageOf } from '#shared/errors';
import { full, isFinal, unavailable } from '../storage-errors.ts';

const fullCodes = ['InsufficientStorage', 'QuotaExceeded', 'XMinioStorageFull', 'XMinioAdminBucketQuotaExceeded'];
const retryableCodes = ['SlowDown', 'RequestTimeout', 'RequestTimeTooSkewed', 'OperationAborted', 'TooManyRequests'];

const missingCodes = ['NoSuchKey', 'NotFound', 'NoSuchUpload'];
export const isMissing = (error: unknown): boolean => error instanceof S3ServiceException && missingCodes.includes(error.name);
export const isUnsatisfiable = (error: unknown): boolean => error instanceof S3ServiceException && error.name === 'InvalidRange';

function translate(error: unknown): AppError {
  // A time-out, a cut line, a name that is not found: errors of Node's.
  if (!(error instanceof S3ServiceException)) {
    const { code } = error as NodeJS.ErrnoException;
    return unavailable(`S3 cannot be reached (${code ?? messageOf(error)})`, { cause: error });
  }
  const status = error.$metadata.httpStatusCode ?? 0;
  if (status === 507 || fullCodes.includes(error.name)) return full(error);
  if (error.name === 'EntityTooLarge')
    return new AppError('object_too_large', 'S3 takes no object that large.', { status: 413, cause: error });
  const isRetryable = status === 0 || status >= 500 || status === 429 || retryableCodes.includes(error.name);
  return unavailable(`S3 answers ${status} ${error.name}`, { isRetryable, cause: error });
}

/** Failures of S3 and of the way there as AppErrors; an abort as the signal's reason. */
export async function guard<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await run();
  } catch (error) {
    // The SDK makes an error of its own of it.
    if (signal?.aborted) throw signal.reason;
    throw isFinal(error, signal) ? error : translate(error);
  }
}
