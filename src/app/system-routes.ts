import { createCacheRoutes } from '#platform/cache';
import { createEventRoutes } from '#platform/events';
import type { RegisterRoutes } from '#platform/http-server';
import { createMailTransportRoutes } from '#platform/mail';
import type { Context } from './context.ts';
import { createHealthRoutes } from './health-routes.ts';
import { createJobRoutes } from './job-routes.ts';
import { createKeyRoutes } from './key-routes.ts';
import { createQueryRoutes } from './query-routes.ts';

/** Health, figures, jobs and keys: what belongs to the engine and to no service. */
export const createSystemRoutes = (context: Context, metricsText: () => Promise<string>): RegisterRoutes[] => [
  createHealthRoutes(context, metricsText),
  createQueryRoutes(context.database.monitor),
  createCacheRoutes(context.caches),
  createEventRoutes(context.events),
  createJobRoutes(context.jobs),
  createMailTransportRoutes(context.mail),
  createKeyRoutes(context),
];
