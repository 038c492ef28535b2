import type { HttpServer } from '#platform/http-server';
import type { Config } from './config.ts';
import { createContext } from './context.ts';
import { startWork } from './engine.ts';
import { createEngineServer } from './engine-server.ts';
import { createMetricsExchange } from './metrics-exchange.ts';
import { type Role, workerRoles } from './roles.ts';
import { reportStart, type StartReport } from './start-report.ts';

export type StartedRoles = {
  close(): Promise<void>;
  /** Of the API's process under a supervisor. */
  readonly report: StartReport | undefined;
};

/** Serves and runs everything of these roles but the mailbox. */
export async function startEngineRoles(
  config: Config,
  databaseUrl: string,
  roles: readonly Role[],
  isSupervised: boolean,
): Promise<StartedRoles> {
  const name = roles.length === 1 ? (roles[0] ?? '') : roles.includes('api') ? 'engine' : 'worker';
  const context = await createContext({ config, databaseUrl, name, isScheduler: roles.includes('scheduler') });
  const isApi = roles.includes('api');
  const exchange = createMetricsExchange(context.metrics, { isCollector: isApi, isSupervised });
  let server: HttpServer | undefined;
  let report: StartReport | undefined;
  let listener: { close(): Promise<void> } | undefined;
  try {
    // Before anything can be asked: whoever answers that it is ready has taken up its work.
    await startWork(
      context,
      roles.filter((role) => workerRoles.includes(role)),
    );
    listener = roles.includes('distributor') ? await context.distributor.startBounceListener() : undefined;
    // A worker in a cluster answers health checks and scrapes; one beside the API leaves the port to it.
    if (isApi || !isSupervised) {
      server = await createEngineServer(context, { isApi, metricsText: exchange.text });
      await server.listen({ host: config.http.host, port: config.http.port });
    }
    if (isApi && isSupervised) report = await reportStart(context);
  } catch (error) {
    exchange.close();
    await server?.close();
    await listener?.close();
    await context.close();
    throw error;
  }
  context.logger.info({ roles }, 'ready');
  return {
    report,
    async close() {
      exchange.close();
      await server?.close();
      await listener?.close();
      await context.close();
    },
  };
}
