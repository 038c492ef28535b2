import { randomBytes } from 'node:crypto';
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
import type { Caches } from '#platform/cache';
import type { Database } from '#platform/database';
import type { Logger, Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { installAuthentication } from './authentication.ts';
import { type ConnectionLimits, createConnections, defaultLimits } from './connections.ts';
import { installConsistency } from './consistency.ts';
import { createFailureHandling, type FailurePages } from './failures.ts';
import { installIdempotency } from './idempotency.ts';
import { createKeyGuessing } from './key-guessing.ts';
import { createKeyLookup } from './key-lookup.ts';
import type { LoadMonitor } from './load-monitor.ts';
import { installLoadShedding } from './load-shedding.ts';
import { installOpenApi } from './openapi.ts';
import { installRateLimits, type RateLimits } from './rate-limits.ts';
import { installRequestChecks } from './request-checks.ts';
import { installRequestTelemetry } from './request-telemetry.ts';
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
  readonly caches: Pick<Caches, 'named'>;
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
  /** Without it nobody is limited. */
  readonly rateLimits?: RateLimits | undefined;
  /** Without it nothing is refused for there being too much to do. */
  readonly loadMonitor?: LoadMonitor | undefined;
};

// Random once and counted from then on: unique among all processes, and next to nothing to make. Multiplied, as no stranger has
// to read from it how many there were.
const processPart = randomBytes(9).toString('base64url');
const oddMultiplier = 0x9e3779b1;
let requestCount = 0;
const createRequestId = (): string => `${processPart}-${(Math.imul((requestCount += 1), oddMultiplier) >>> 0).toString(36)}`;

const requestIdPattern = /^[\w.:-]{8,100}$/;

export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { database, clock, logger, metrics, rateLimits } = options;
  const connections = createConnections({ ...defaultLimits, ...options.limits });
  const failures = createFailureHandling(options);
  const app = Fastify({
    ...connections.options,
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // Lines carry the request's id by the trace: a logger of its own for each request would cost more than most have to say.
    childLoggerFactory: (parent) => parent,
    bodyLimit: options.maxBodyBytes,
    trustProxy: options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && requestIdPattern.test(given) ? given : createRequestId();
    },
    frameworkErrors: failures.frameworkErrors,
    schemaErrorFormatter: (errors, context) =>
      Object.assign(new Error(errors[0]?.message), { validation: errors, validationContext: context }),
  });
  app.setValidatorCompiler(createValidatorCompiler());
  connections.install(app);
  failures.install(app);
  installRequestTelemetry(app, metrics, logger);
  if (database.replicas().length > 0) installConsistency(app);
  installLoadShedding(app, options.loadMonitor, metrics);
  const findKey = createKeyLookup({ database, sessions: options.caches.named('user_sessions'), clock, logger });
  installAuthentication(app, findKey, rateLimits && createKeyGuessing(rateLimits));
  if (rateLimits !== undefined) installRateLimits(app, rateLimits);
  installRequestChecks(app);
  installIdempotency(app, database, clock);
  await app.register(compress, { global: true, threshold: 1024, encodings: ['br', 'gzip'] });
  await app.register(formbody);
  await installOpenApi(app, options.version);
  const typed = app.withTypeProvider<TypeBoxTypeProvider>();
  for (const register of options.routes) await register(typed);
  return typed;
}
