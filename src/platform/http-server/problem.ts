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

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Not valid',
  429: 'Too many requests',
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

/** Every failure of a request as an AppError; what nobody foresaw becomes `internal_error` without its message. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const fastifyError = error as Partial<FastifyError> & { validationContext?: string };
  if (Array.isArray(fastifyError.validation)) {
    const context = fastifyError.validationContext ?? 'body';
    const seen = new Set<string>();
    const fields = fastifyError.validation
      .map((issue) => fieldOf(issue, context))
      .filter(({ path, message }) => !seen.has(`${path} ${message}`) && seen.add(`${path} ${message}`));
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
  return new AppError('internal_error', 'Something went wrong on our side. The request id helps to find it in the logs.', {
    cause: error,
  });
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: AppError): FastifyReply {
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds));
  if (error.status === 401) reply.header('www-authenticate', 'Bearer realm="aquascene"');
  return reply
    .code(error.status)
    .header('cache-control', 'no-store')
    .type(problemContentType)
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send({
      type: 'about:blank',
      title: titles[error.status] ?? 'Error',
      status: error.status,
      code: error.code,
      detail: error.message,
      instance: request.id,
      ...(error.fields.length > 0 && { fields: error.fields }),
    });
}
