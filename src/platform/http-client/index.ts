export { createFetch, type FetchOptions } from './fetch-adapter.ts';
export { createHttpClient, type HttpClientOptions } from './http-client.ts';
export type { HttpClient, HttpRequest, HttpResponse } from './http-client-types.ts';
export { retryAfterMs } from './retry-after.ts';
