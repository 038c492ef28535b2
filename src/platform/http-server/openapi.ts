import swagger from '@fastify/swagger';
import scalar from '@scalar/fastify-api-reference';
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import { ProblemSchema } from './problem.ts';

/** As far as it is written here; what is not named is kept as it is. */
type Operation = {
  requestBody?: { required?: boolean; content: Record<string, { schema?: { type?: unknown } }> };
  responses: Record<string, object>;
  security?: object[];
};
type Document = { paths: Record<string, Record<string, Operation>>; components: Record<string, object> };

const tags = [
  { name: 'content', description: 'Articles: writing, review, publication, versions.' },
  { name: 'sources', description: 'What is gathered from the web, and the texts that came of it.' },
  { name: 'generation', description: 'Drafts that are grounded on the gathered texts, and the checks of any text.' },
  { name: 'subscribers', description: 'Who reads, and what they allowed: subscribers, segments, suppressions, import.' },
  { name: 'campaigns', description: 'Newsletters and what became of each mail.' },
  { name: 'mail', description: 'The mail servers that mail goes by: their state, limits, and switches.' },
  { name: 'webhooks', description: 'Other programs that hear of what happens here.' },
  { name: 'instagram', description: 'Posts from articles, and their figures.' },
  { name: 'newsletter templates', description: 'What newsletters look like: built-in ones, and your own with their versions.' },
  { name: 'newsletter images', description: 'Pictures that newsletters show.' },
  { name: 'sequences', description: 'Mails that lead a reader step by step.' },
  { name: 'recurring digests', description: 'Digests that the calendar makes of what is new.' },
  { name: 'transactional mails', description: 'One mail to one person, asked for by a program.' },
  { name: 'analytics', description: 'Page views, opens and clicks by day.' },
  { name: 'workspace', description: 'Settings of the publication.' },
  { name: 'jobs', description: 'The work that waits, runs or failed.' },
  { name: 'keys', description: 'API keys.' },
  { name: 'system', description: 'Figures of the processes.' },
  { name: 'health', description: 'For load balancers and orchestrators.' },
];

const failures: Readonly<Record<number, { readonly name: string; readonly description: string }>> = {
  400: { name: 'BadRequest', description: 'Malformed, or not of the shape that is described; `fields` names each fault.' },
  401: { name: 'NotAuthenticated', description: 'No key was sent, or it is unknown or revoked.' },
  403: { name: 'NotAllowed', description: 'The key lacks the scope.' },
  404: { name: 'NotFound', description: 'There is no such thing.' },
  409: { name: 'Conflict', description: 'Its present state does not allow it, or the first request with this Idempotency-Key still runs.' },
  413: { name: 'TooLarge', description: 'The body is larger than is taken.' },
  415: { name: 'UnsupportedMediaType', description: 'The body is not of a type that is taken.' },
  422: { name: 'NotValid', description: 'Of the right shape, and not valid; `fields` names each fault.' },
  429: { name: 'TooManyRequests', description: 'Over a rate limit; Retry-After says when to try again, RateLimit-Policy what is allowed.' },
  500: { name: 'InternalError', description: 'A fault on our side. `instance` finds it in the logs.' },
  503: {
    name: 'NotAvailable',
    description: 'The database cannot be reached, or there is too much to do; Retry-After says when to try again.',
  },
};

const successes: Readonly<Record<string, string>> = {
  200: 'Done.',
  201: 'Created.',
  202: 'Accepted; it happens soon.',
  204: 'Done; there is nothing to say.',
};

const idempotencyHeaders = {
  type: 'object',
  properties: {
    'Idempotency-Key': {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description: 'Runs the request once, however often it arrives: a repetition within 24 hours gets the answer of the first.',
    },
  },
};

// Scalar needs inline styles and evaluates nothing; whatever it might want from elsewhere, it does not get.
const referencePolicy =
  "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; " +
  "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/** `GET /api/v1/content/:id/versions` is `getContentByIdVersions`: as unique as the path. */
function operationIdOf(method: string, url: string): string {
  const words = url
    .replace(/^\/api\/v1\//, '')
    .split(/[/.-]/)
    .filter((part) => part !== '')
    .map((part) => (part.startsWith(':') ? `By${capitalize(part.slice(1))}` : capitalize(part)));
  return `${method.toLowerCase()}${words.join('')}`;
}

const capitalize = (word: string): string => `${word.charAt(0).toUpperCase()}${word.slice(1)}`;

/** Where a route cannot do without the key, it says so; headers come in lower case, and are written so in its schema. */
function describeKey({ headers }: FastifySchema): object {
  const { required } = (headers ?? {}) as { required?: readonly string[] };
  return required?.includes('idempotency-key') ? { ...idempotencyHeaders, required: ['Idempotency-Key'] } : idempotencyHeaders;
}

/** What a route says elsewhere than in its schema: its name, who may call it, and whether its answer can be had again. */
function describeRoute({ method, url, config }: RouteOptions, schema: FastifySchema): FastifySchema {
  const access = config?.access;
  const isPublic = access === undefined || access === 'public';
  return {
    ...schema,
    operationId: operationIdOf([method].flat()[0] ?? 'get', url),
    security: isPublic ? [] : [{ apiKey: [access] }],
    ...(method === 'POST' && !isPublic && config?.hasSecretAnswer !== true && { headers: describeKey(schema) }),
  };
}

/** Adds what holds of all operations alike. */
function completeDocument(document: Document): Document {
  const responses = Object.entries(failures).map(([status, { name, description }]) => [
    name,
    {
      description,
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      ...((status === '429' || status === '503') && {
        headers: { 'Retry-After': { description: 'In seconds.', schema: { type: 'integer' } } },
      }),
    },
  ]);
  document.components.responses = Object.fromEntries(responses);
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) completeOperation(path, method, operation);
  }
  return document;
}

function completeOperation(path: string, method: string, operation: Operation): void {
  const isSecured = operation.security?.length !== 0;
  const hasBody = operation.requestBody !== undefined;
  const isChange = method !== 'get';
  for (const [status, response] of Object.entries(operation.responses)) {
    if ('description' in response && response.description === 'Default Response') response.description = successes[status] ?? 'Done.';
  }
  const applicable = new Set([
    400,
    ...(isSecured ? [401, 403, 429, 503] : []),
    ...(path.includes('{') ? [404] : []),
    ...(isChange ? [409] : []),
    ...(hasBody ? [413, 415] : []),
    ...(isSecured ? [422] : []),
    500,
  ]);
  for (const status of applicable) operation.responses[status] ??= { $ref: `#/components/responses/${failures[status]?.name}` };
  const { requestBody } = operation;
  if (requestBody === undefined) return;
  const types = Object.values(requestBody.content).flatMap(({ schema }) => schema?.type);
  if (types.includes('null')) requestBody.required = false;
}

/** The document at /openapi.json, and a page at /docs that shows it and asks no other host for anything. */
export async function installOpenApi(app: FastifyInstance, version: string): Promise<void> {
  app.addSchema(ProblemSchema);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'AquaScene Content Engine',
        version,
        description:
          'Errors are application/problem+json (RFC 9457) with a stable `code` and every faulty field. With replicas, the answer to a write ' +
          'carries `X-Consistency-Token`: a read that sends it along sees at least what was written.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags,
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: 'An API key, `aqs_…`. The scope is listed with each operation.' },
        },
      },
      security: [{ apiKey: [] }],
    },
    hideUntagged: true,
    refResolver: {
      buildLocalReference: (schema, _baseUri, _fragment, index) => (typeof schema.$id === 'string' ? schema.$id : `Schema${index}`),
    },
    transform: ({ schema, url, route }) => ({ schema: describeRoute(route, schema ?? {}), url }),
    transformObject: (given) => completeDocument(('openapiObject' in given ? given.openapiObject : {}) as Document),
  });
  app.get('/openapi.json', { config: { access: 'public' } }, async () => app.swagger());
  await app.register(scalar, {
    routePrefix: '/docs',
    configuration: {
      url: '/openapi.json',
      pageTitle: 'AquaScene Content Engine: API',
      withDefaultFonts: false,
      telemetry: false,
      hideClientButton: true,
      showDeveloperTools: 'never',
      agent: { disabled: true },
      mcp: { disabled: true },
    },
    hooks: {
      onRequest: (_request, reply, done) => {
        reply.header('content-security-policy', referencePolicy).header('cache-control', 'public, max-age=3600');
        done();
      },
    },
  });
}
