export { type ApiKey, checkScopes, createApiKey, listApiKeys, revokeApiKey, type Scope, scopes } from './api-keys.ts';
export { actorOf } from './authentication.ts';
export type { Failure } from './failures.ts';
export { deleteExpiredAnswers } from './idempotency.ts';
export { pagePolicy, pageSecurityHeaders } from './page-headers.ts';
export { decodeCursor, encodeCursor, type Page, PageOf, PageQuery, type Position, toPage } from './pagination.ts';
export { createHttpServer, type HttpServer, type HttpServerOptions, type RegisterRoutes } from './server.ts';
