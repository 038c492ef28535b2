import { createHttpServer, type HttpServer } from '#platform/http-server';
import { mailboxRoutes } from '#platform/mail';
import type { Context } from './context.ts';
import { createErrorPage } from './error-page.ts';
import { systemRoutes } from './system-routes.ts';
import { version } from './version.ts';

export type EngineServerOptions = {
  /** Serves everything; without it health, figures, jobs and keys only, as every role does. */
  readonly isApi: boolean;
  readonly metricsText: () => Promise<string>;
};

/** The HTTP server of a process, not yet listening. */
export function createEngineServer(context: Context, { isApi, metricsText }: EngineServerOptions): Promise<HttpServer> {
  const { config, database, clock, logger, metrics, contentManager, modules } = context;
  return createHttpServer({
    database,
    clock,
    logger,
    metrics,
    version,
    maxBodyBytes: config.http.maxBodyBytes,
    trustedProxies: config.http.trustedProxies,
    routes: [
      systemRoutes(context, metricsText),
      ...(isApi && config.mail.isMailbox ? [mailboxRoutes({ database })] : []),
      ...(isApi ? modules.map((module) => module.routes) : []),
    ],
    ...(isApi && { renderNotFound: contentManager.renderNotFound, renderError: createErrorPage(contentManager.renderPage) }),
  });
}
