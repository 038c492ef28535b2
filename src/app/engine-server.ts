import { createHttpServer, createLoadMonitor, type HttpServer } from '#platform/http-server';
import { mailboxRoutes } from '#platform/mail';
import { createProcessShare, createRateLimiter } from '#platform/rate-limit';
import { createStorageRoutes } from '#platform/storage';
import { messageOf } from '#shared/errors';
import type { Context } from './context.ts';
import { createErrorPage } from './error-page.ts';
import { createSystemRoutes } from './system-routes.ts';
import { version } from './version.ts';

export type EngineServerOptions = {
  /** Serves everything; without it health, figures, jobs and keys only, as every role does. */
  readonly isApi: boolean;
  readonly metricsText: () => Promise<string>;
};

/** The HTTP server of a process, not yet listening. */
export async function createEngineServer(context: Context, { isApi, metricsText }: EngineServerOptions): Promise<HttpServer> {
  const { config, database, caches, clock, logger, metrics, contentManager, modules, storage, secret } = context;
  const { maxBodyBytes, trustedProxies } = config.http;
  const protection = isApi ? await createProtection(context) : undefined;
  const server = await createHttpServer({
    database,
    caches,
    clock,
    logger,
    metrics,
    version,
    maxBodyBytes,
    trustedProxies,
    ...(protection !== undefined && { rateLimits: protection.rateLimits, loadMonitor: protection.loadMonitor }),
    routes: [
      ...createSystemRoutes(context, metricsText),
      ...(isApi && config.mail.isMailbox ? [mailboxRoutes({ database })] : []),
      ...(isApi && config.storage.kind === 'folder' ? [createStorageRoutes({ storage, clock, secret, maxUploadBytes: maxBodyBytes })] : []),
      ...(isApi ? modules.map((module) => module.routes) : []),
    ],
    ...(isApi && { renderNotFound: contentManager.renderNotFound, renderError: createErrorPage(contentManager.renderPage) }),
  });
  server.addHook('onClose', async () => protection?.close());
  return server;
}

/** What keeps the API from being asked too much: by one caller, or by all together. */
async function createProtection({ config, database, redis, clock, logger, metrics }: Context) {
  const { maxLagMs, maxMemoryBytes } = config.loadShedding;
  const loadMonitor = createLoadMonitor({ logger, metrics, limits: { maxLagMs, maxRssBytes: maxMemoryBytes } });
  if (!config.hasRateLimits) return { loadMonitor, rateLimits: undefined, close: async () => loadMonitor.close() };
  const share = createProcessShare({ database, id: clock.newId(), logger });
  // Unreachable now, the database is asked again: until then this process counts itself alone.
  await share.start().catch((error: unknown) => logger.debug({ reason: messageOf(error) }, 'no first heartbeat of this API process'));
  const limiter = createRateLimiter({ redis: redis?.commands, processes: share.processes, logger, metrics });
  return {
    loadMonitor,
    rateLimits: { limiter },
    async close() {
      loadMonitor.close();
      await share.stop();
    },
  };
}
