import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { enterTrace, type LatencyRecorder, type Logger, type Metrics } from '#platform/telemetry';
import { addRouteHooks } from './route-hooks.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * False: nothing that is done for a request is logged with its id unless the route sees to it. The asynchronous context that carries the
     * id costs as much as sending a page that is at hand.
     */
    entersTrace?: boolean;
  }
}

const headersOfAll = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'strict-origin-when-cross-origin' };

/** Ids, the headers that every answer has, durations and a line of log for each request. */
export function installRequestTelemetry(app: FastifyInstance, metrics: Metrics, logger: Logger): void {
  const durations = metrics.latency('aquascene_http_request_seconds', 'Duration of HTTP requests', ['method', 'route', 'status']);
  // By the route's own object, so that a request looks up two small keys instead of making one up.
  const recorders = new WeakMap<object, Map<number, LatencyRecorder>>();

  function recorderOf({ method, routeOptions }: FastifyRequest, statusCode: number): LatencyRecorder {
    const { config, url = 'unmatched' } = routeOptions;
    let byStatus = recorders.get(config);
    if (byStatus === undefined) recorders.set(config, (byStatus = new Map()));
    let recorder = byStatus.get(statusCode);
    if (recorder === undefined) byStatus.set(statusCode, (recorder = durations.of(method, url, String(statusCode))));
    return recorder;
  }

  app.addHook('onRoute', (route) => {
    if (route.config?.entersTrace === false) return;
    addRouteHooks(route, { onRequest: enter });
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers({ 'x-request-id': request.id, ...headersOfAll });
    // What leads nowhere has no route to hang a hook on.
    if (request.is404) enterTrace({ requestId: request.id });
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { elapsedTime, statusCode } = reply;
    recorderOf(request, statusCode)(elapsedTime / 1000);
    // That load is shed is told once, when it begins.
    const level = statusCode >= 500 && !request.isShed ? 'warn' : 'debug';
    if (logger.isLevelEnabled(level)) {
      const { id: requestId, method, routeOptions } = request;
      const ms = Math.round(elapsedTime);
      logger[level]({ requestId, method, route: routeOptions.url ?? 'unmatched', status: statusCode, ms }, 'request');
    }
    done();
  });
}

function enter(request: FastifyRequest, _reply: FastifyReply, done: () => void): undefined {
  enterTrace({ requestId: request.id });
  done();
}
