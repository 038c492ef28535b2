import { setTimeout as delay } from 'node:timers/promises';
import { Type } from 'typebox';
import { refreshAfter } from '#platform/cache';
import { sql } from '#platform/database';
import type { RegisterRoutes } from '#platform/http-server';
import { messageOf } from '#shared/errors';
import type { Context } from './context.ts';

const DependencySchema = Type.Object({ status: Type.String(), ms: Type.Number(), error: Type.Optional(Type.String()) });

// Whoever asks wants an answer, and something that hangs is as good as down.
const probeLimitMs = 5000;

async function giveUp(): Promise<never> {
  await delay(probeLimitMs, undefined, { ref: false });
  throw new Error(`no answer within ${probeLimitMs / 1000} s`);
}

async function probe(check: () => Promise<unknown>): Promise<{ status: 'up' | 'down'; ms: number; error?: string }> {
  const started = performance.now();
  try {
    await Promise.race([check(), giveUp()]);
    return { status: 'up', ms: Math.round(performance.now() - started) };
  } catch (error) {
    return { status: 'down', ms: Math.round(performance.now() - started), error: messageOf(error) };
  }
}

type DependencyState = Awaited<ReturnType<typeof probe>>;

/** Each thing that the engine leans on, asked now. What is not configured is not named. */
async function probeAll({ database, redis, mail }: Context, checkStorage: () => Promise<void>): Promise<Record<string, DependencyState>> {
  const checks: Record<string, () => Promise<unknown>> = {
    database: () => database.query('health.database', sql<object>`select 1`),
    mail: () => mail.verify(),
    storage: checkStorage,
    ...(redis !== undefined && { redis: () => redis.ping() }),
  };
  const states = await Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await probe(check)] as const));
  const replicas = database
    .replicas()
    .map(({ name, isUp, lagMs }) => [`replica ${name}`, { status: isUp ? 'up' : 'down', ms: lagMs }] as const);
  return Object.fromEntries([...states, ...replicas]);
}

/** For load balancers and orchestrators, and the figures of the processes. */
export function createHealthRoutes(context: Context, metricsText: () => Promise<string>): RegisterRoutes {
  const { storage, clock, logger } = context;
  // It writes something, or asks a server that may charge for it, and load balancers ask every second.
  const checkStorage = refreshAfter(() => storage.check(), { ageS: 5, maxAgeS: 15, clock, logger });
  return (app) => {
    app.get(
      '/health/live',
      {
        config: { access: 'public', rateLimit: false, cost: 'essential' },
        schema: {
          tags: ['health'],
          summary: 'The process answers',
          security: [],
          response: { 200: Type.Object({ status: Type.String() }) },
        },
      },
      async (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'up' }),
    );
    const Readiness = Type.Object({ status: Type.String(), dependencies: Type.Record(Type.String(), DependencySchema) });
    app.get(
      '/health/ready',
      {
        config: { access: 'public', rateLimit: false, cost: 'essential' },
        schema: {
          tags: ['health'],
          summary: 'Each dependency, and whether requests can be served',
          description:
            'Without any database nothing can be served: 503. With the primary down and a replica up, reads are: 200 and `degraded`. What else is ' +
            'down delays or slows some things and refuses none: `ready`. `ms`: how long it took to answer; of a replica, how far it is behind.',
          security: [],
          response: { 200: Readiness, 503: Readiness },
        },
      },
      async (_request, reply) => {
        const dependencies = await probeAll(context, checkStorage);
        const hasPrimary = dependencies.database?.status === 'up';
        const hasDatabase = hasPrimary || context.database.replicas().some(({ isUp }) => isUp);
        const status = hasPrimary ? 'ready' : hasDatabase ? 'degraded' : 'not_ready';
        return reply
          .code(hasDatabase ? 200 : 503)
          .header('cache-control', 'no-store')
          .send({ status, dependencies });
      },
    );
    app.get(
      '/metrics',
      {
        config: { access: 'system:read', rateLimit: false, cost: 'essential' },
        schema: {
          tags: ['system'],
          summary: 'Figures in the Prometheus text format',
          produces: ['text/plain'],
          response: { 200: Type.String() },
        },
      },
      async (_request, reply) => reply.type(context.metrics.contentType).send(await metricsText()),
    );
  };
}
