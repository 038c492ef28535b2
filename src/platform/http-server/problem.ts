import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { AppError, type FieldFault } from '#shared/errors';

export const problemContentType = 'application/problem+json; charset=utf-8';

/** RFC 9457 problem details, with a stable `code` and every faulty field. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String(),
    detail: Type.String(),
    instance: Type.String(),
    fields: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  },
  { $id: 'Problem' },
);

const maxFields = 50;
const internalDetail = 'Something went wrong on our side. The request id helps to find it in the logs.';

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Timed out',
  409: 'Conflict',
  413: 'Too large',
  414: 'Address too long',
  415: 'Unsupported media type',
  422: 'Not valid',
  429: 'Too many requests',
  431: 'Headers too large',
  500: 'Internal error',
  503: 'Not available',
};

type ValidationIssue = {
  readonly instancePath?: string;
  readonly message?: string;
  readonly keyword?: string;
  readonly params?: Record<string, unknown>;
};

function fieldOf(issue: ValidationIssue, context: string): FieldFault {
  const { params = {} } = issue;
  const missing = params.missingProperty;
  const extra = params.additionalProperty;
  const base = `${context === 'body' ? '' : `/${context}`}${issue.instancePath ?? ''}`;
  if (typeof missing === 'string') return { path: `${base}/${missing}`, message: 'is required' };
  if (typeof extra === 'string') return { path: `${base}/${extra}`, message: 'is not a known field' };
  if (Array.isArray(params.allowedValues)) {
    return { path: base || '/', message: `must be one of ${params.allowedValues.map(String).join(', ')}` };
  }
  return { path: base || '/', message: issue.message ?? 'is not valid' };
}

/** A body of a megabyte can have a fault in each of half a million places; the first ones say enough. */
function fieldsOf(issues: readonly ValidationIssue[], context: string): FieldFault[] {
  const fields = new Map<string, FieldFault>();
  for (const issue of issues) {
    const field = fieldOf(issue, context);
    fields.set(`${field.path} ${field.message}`, field);
    if (fields.size === maxFields) break;
  }
  return [...fields.values()];
}

/** Every failure of a request as an AppError; what nobody foresaw becomes `internal_error` without its message. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const fastifyError = error as Partial<FastifyError> & { validationContext?: string };
  if (Array.isArray(fastifyError.validation)) {
    const context = fastifyError.validationContext ?? 'body';
    const fields = fieldsOf(fastifyError.validation, context);
    return new AppError('invalid_request', `The ${context} is not valid: ${fields.map((f) => `${f.path} ${f.message}`).join('; ')}.`, {
      status: 400,
      fields,
    });
  }
  const status = fastifyError.statusCode;
  if (typeof status === 'number' && status >= 400 && status < 500) {
    const code = (fastifyError.code ?? 'bad_request').toLowerCase().replace(/^fst_err_(ctp_)?/, '');
    return new AppError(code, fastifyError.message ?? 'The request cannot be handled.', { status, cause: error });
  }
  return new AppError('internal_error', internalDetail, { cause: error });
}

export function problemOf(error: AppError, requestId: string) {
  return {
    type: 'about:blank',
    title: titles[error.status] ?? 'Error',
    status: error.status,
    code: error.code,
    // What failed inside is for the log: it may name files, statements, and what they were about.
    detail: error.status === 500 ? internalDetail : error.message,
    instance: requestId,
    ...(error.fields.length > 0 && { fields: error.fields }),
  };
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: AppError): FastifyReply {
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds));
  if (error.status === 401) reply.header('www-authenticate', 'Bearer realm="aquascene"');
  // Of the answer that was under way, nothing may be kept.
  reply.removeHeader('etag');
  return reply
    .code(error.status)
    .header('cache-control', 'no-store')
    .type(problemContentType)
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(problemOf(error, request.id));
}
