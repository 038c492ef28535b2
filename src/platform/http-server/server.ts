import { randomUUID } from 'node:crypto';
import compress from '@fastify/compress';
import formbody from '@fastify/formbody';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
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
import { installAuthentication } from './authentication.ts';
import { type ConnectionLimits, createConnections, defaultLimits } from './connections.ts';
import { createFailureHandling, type FailurePages } from './failures.ts';
import { installIdempotency } from './idempotency.ts';
import { installOpenApi } from './openapi.ts';
import { installRequestChecks } from './request-checks.ts';
import { createValidatorCompiler } from './validation.ts';

/** Fastify with TypeBox types: what a service's routes get. */
export type HttpServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export type RegisterRoutes = (app: HttpServer) => void | Promise<void>;

export type HttpServerOptions = FailurePages & {
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
  readonly limits?: Partial<ConnectionLimits>;
};

const requestIdPattern = /^[\w.:-]{8,100}$/;

export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { database, clock, logger, metrics } = options;
  const connections = createConnections({ ...defaultLimits, ...options.limits });
  const failures = createFailureHandling(options);
  const app = Fastify({
    ...connections.options,
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.maxBodyBytes,
    trustProxy: options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID();
    },
    frameworkErrors: failures.frameworkErrors,
    schemaErrorFormatter: (errors, context) =>
      Object.assign(new Error(errors[0]?.message), { validation: errors, validationContext: context }),
  });
  app.setValidatorCompiler(createValidatorCompiler());
  connections.install(app);
  failures.install(app);
  installTelemetry(app, metrics);
  installAuthentication(app, database, clock);
  installRequestChecks(app);
  installIdempotency(app, database, clock);
  await app.register(compress, { global: true, threshold: 1024, encodings: ['br', 'gzip'] });
  await app.register(formbody);
  await installOpenApi(app, options.version);
  const typed = app.withTypeProvider<TypeBoxTypeProvider>();
  for (const register of options.routes) await register(typed);
  return typed;
}

function installTelemetry(app: FastifyInstance, metrics: Metrics): void {
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
}
