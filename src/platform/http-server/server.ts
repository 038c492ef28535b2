import { randomUUID } from 'node:crypto';
import compress from '@fastify/compress';
import formbody from '@fastify/formbody';
import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import scalar from '@scalar/fastify-api-reference';
import { Ajv, type AnySchema, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  LogController,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import type { Database } from '#platform/database';
import { enterTrace, type Logger, type Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { AppError } from '#shared/errors';
import { installAuthentication } from './authentication.ts';
import { installIdempotency } from './idempotency.ts';
import { ProblemSchema, sendProblem, toAppError } from './problem.ts';

/** Fastify with TypeBox types: what a service's routes get. */
export type HttpServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export type RegisterRoutes = (app: HttpServer) => void | Promise<void>;

export type HttpServerOptions = {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly version: string;
  readonly maxBodyBytes: number;
  /** Proxies whose X-Forwarded-* headers are believed: addresses or ranges; empty believes none. */
  readonly trustedProxies: readonly string[];
  /** Registers its routes in the order given. */
  readonly routes: readonly RegisterRoutes[];
  /** Answers a GET that no route takes, for a reader's browser. */
  readonly renderNotFound?: (path: string) => Promise<string>;
};

const requestIdPattern = /^[\w.:-]{8,100}$/;

export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { logger, metrics } = options;
  const app = Fastify({
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.maxBodyBytes,
    trustProxy: options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
    },
    requestTimeout: 30_000,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    schemaErrorFormatter: (errors, context) =>
      Object.assign(new Error(errors[0]?.message), { validation: errors, validationContext: context }),
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.setValidatorCompiler(createValidatorCompiler());
  app.addSchema(ProblemSchema);
  app.setErrorHandler((error, request, reply) => {
    const appError = toAppError(error);
    if (appError.status >= 500) request.log.error({ err: error, url: request.url }, 'request failed');
    return sendProblem(request, reply, appError);
  });
  app.setNotFoundHandler({}, async (request, reply) => {
    const path = request.url.split('?')[0] ?? '/';
    const wantsPage = request.method === 'GET' && !path.startsWith('/api/') && !/application\/json/.test(request.headers.accept ?? '');
    if (options.renderNotFound === undefined || !wantsPage) {
      return sendProblem(request, reply, new AppError('not_found', `Nothing answers ${request.method} ${path}.`, { status: 404 }));
    }
    return reply
      .code(404)
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .send(await options.renderNotFound(path));
  });

  const duration = metrics.histogram('aquascene_http_request_seconds', 'Duration of HTTP requests', ['method', 'route', 'status']);
  app.addHook('onRequest', async (request, reply) => {
    enterTrace({ requestId: request.id });
    reply.header('x-request-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
    reply.header('referrer-policy', 'strict-origin-when-cross-origin');
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unmatched';
    duration.observe({ method: request.method, route, status: String(reply.statusCode) }, reply.elapsedTime / 1000);
    const level = reply.statusCode >= 500 ? 'warn' : 'debug';
    request.log[level]({ method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'request');
  });

  installAuthentication(app as unknown as FastifyInstance, options.database, options.clock);
  installIdempotency(app as unknown as FastifyInstance, options.database);
  await app.register(compress, { global: true, threshold: 1024, encodings: ['br', 'gzip'] });
  await app.register(formbody);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'AquaScene Content Engine',
        version: options.version,
        description: 'Errors are application/problem+json (RFC 9457) with a stable `code` and every faulty field.',
      },
      components: {
        securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, `aqs_…`.' } },
      },
      security: [{ apiKey: [] }],
    },
    hideUntagged: true,
  });
  app.get('/openapi.json', { config: { access: 'public' } }, async () => app.swagger());
  await app.register(scalar, { routePrefix: '/docs', configuration: { url: '/openapi.json' } });
  for (const register of options.routes) await register(app);
  return app;
}

/** Unknown fields are an error that names them, not something to drop in silence. "1" is no number in a JSON body. */
function createValidatorCompiler(): (route: { schema: unknown; httpPart?: string | undefined }) => ValidateFunction {
  const settings = { removeAdditional: false, allErrors: true, useDefaults: true } as const;
  const strict = new Ajv(settings);
  // Query strings, path parameters and form fields are text by nature.
  const coercing = new Ajv({ ...settings, coerceTypes: 'array' });
  for (const ajv of [strict, coercing]) addFormats.default(ajv);
  return ({ schema, httpPart }) => (httpPart === 'body' ? strict : coercing).compile(schema as AnySchema);
}
