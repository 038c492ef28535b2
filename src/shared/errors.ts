export type FieldFault = {
  /** JSON path of the faulty field, e.g. `/title`. */
  readonly path: string;
  readonly message: string;
};

export type AppErrorOptions = {
  /** HTTP status that the edge answers with; 500 unless told. */
  readonly status?: number;
  readonly retryable?: boolean;
  readonly retryAfterSeconds?: number;
  readonly fields?: readonly FieldFault[];
  readonly cause?: unknown;
};

/** A failure with a stable `code`. The HTTP error mapper and the job runner are the only two places that translate it. */
export class AppError extends Error {
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  readonly fields: readonly FieldFault[];

  constructor(code: string, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.status = options.status ?? 500;
    this.retryable = options.retryable ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.fields = options.fields ?? [];
  }
}

export function notFound(what: string, id: string): AppError {
  return new AppError('not_found', `No ${what} with the id "${id}".`, { status: 404 });
}

export function conflict(code: string, message: string): AppError {
  return new AppError(code, message, { status: 409 });
}

export function invalid(message: string, fields: readonly FieldFault[] = []): AppError {
  return new AppError('invalid_request', message, { status: 422, fields });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
