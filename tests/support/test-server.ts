import { createApiKey, createHttpServer, type HttpServer, type HttpServerOptions, type Scope } from '#platform/http-server';

type Place = Pick<HttpServerOptions, 'database' | 'caches' | 'clock' | 'logger' | 'metrics'>;

/** The real HTTP server with these routes, on no port: tests inject their requests. */
export function createTestServer(
  { database, caches, clock, logger, metrics }: Place,
  routes: HttpServerOptions['routes'],
  options: Partial<HttpServerOptions> = {},
): Promise<HttpServer> {
  return createHttpServer({
    ...{ database, caches, clock, logger, metrics, version: '0', maxBodyBytes: 1_000_000, trustedProxies: [] },
    routes,
    ...options,
  });
}

/** An Authorization header with a new key of these scopes. */
export async function authorize({ database, clock }: Pick<Place, 'database' | 'clock'>, ...scopes: Scope[]): Promise<string> {
  const { key } = await createApiKey(database, clock, { name: 'tests', scopes });
  return `Bearer ${key}`;
}
