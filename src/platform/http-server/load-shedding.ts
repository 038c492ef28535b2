import type { FastifyInstance } from 'fastify';
import type { Metrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import type { LoadMonitor } from './load-monitor.ts';

/** `expensive`: refused first. `essential`: never refused: health, and what a reader or a mail provider asks once and never again. */
export type RouteCost = 'expensive' | 'normal' | 'essential';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route costs, for when there is too much to do; `normal` unless told. */
    cost?: RouteCost;
  }
  interface FastifyRequest {
    /** Whether it was refused for there being too much to do. */
    isShed: boolean;
  }
}

const retryAfterSeconds = 5;
// One for all: to note where each came from would be the most expensive part of refusing it.
const overloaded = new AppError('overloaded', 'There is too much to do at the moment. Try again in a few seconds.', {
  status: 503,
  retryable: true,
  retryAfterSeconds,
});

/** Before anything else is done for a request. */
export function installLoadShedding(app: FastifyInstance, monitor: LoadMonitor | undefined, metrics: Metrics): void {
  app.decorateRequest('isShed', false);
  if (monitor === undefined) return;
  const shed = metrics.counter('aquascene_http_requests_shed_total', 'Requests refused for there being too much to do', ['cost']);
  app.addHook('onRequest', (request, _reply, done) => {
    const level = monitor.level();
    if (level === 0) return done();
    const cost = request.routeOptions.config.cost ?? 'normal';
    if (cost === 'essential' || (cost === 'normal' && level === 1)) return done();
    shed.inc({ cost });
    request.isShed = true;
    done(overloaded);
  });
}
