export { createHttpClient, type HttpClientOptions } from './http-client.ts';
export type { HttpClient, HttpRequest, HttpResponse } from './http-client-types.ts';
