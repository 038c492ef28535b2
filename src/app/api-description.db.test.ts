/** The description at /openapi.json: well-formed by OpenAPI 3.1, complete, and true to what the server answers. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type ApiDescription, type Endpoint, endpointsOf, type Response } from './testing/api-description.ts';
import { createTestEngine, send, type TestEngine } from './testing/test-engine.ts';

let engine: TestEngine;
let description: ApiDescription;
let endpoints: Endpoint[];

before(async () => {
  engine = await createTestEngine();
  const answer = await send(engine.server, { url: '/openapi.json' });
  assert.match(answer.type, /^application\/json/);
  description = JSON.parse(answer.body);
  endpoints = endpointsOf(description);
});
after(async () => engine.close());

function resolve(reference: string): unknown {
  assert.match(reference, /^#\//);
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((part, name) => (typeof part === 'object' && part !== null ? Reflect.get(part, name) : undefined), description);
}

function* referencesIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, part] of Object.entries(value)) {
    if (name === '$ref' && typeof part === 'string') yield part;
    else yield* referencesIn(part);
  }
}

test('it says what it is, and every reference leads somewhere', () => {
  assert.equal(description.openapi, '3.1.0');
  assert.ok(description.info.title && description.info.version && description.info.license);
  for (const reference of referencesIn(description)) assert.notEqual(resolve(reference), undefined, reference);
  const known = new Set(['schemas', 'responses', 'parameters', 'securitySchemes']);
  for (const [kind, parts] of Object.entries(description.components)) {
    assert.ok(known.has(kind), kind);
    for (const name of Object.keys(parts)) assert.match(name, /^[\w.-]+$/);
  }
});

test('every operation has a name of its own, a summary, a described tag, and says which scope it asks for', () => {
  assert.ok(endpoints.length >= 50);
  const tags = new Set(description.tags.map(({ name }) => name));
  const ids = endpoints.map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, ids.length);
  for (const { name, operationId, summary, tags: own, security, scope } of endpoints) {
    assert.match(operationId, /^[a-z][A-Za-z0-9]+$/, name);
    assert.ok(summary.length > 3 && !summary.endsWith('.'), name);
    assert.ok(own.length === 1 && own.every((tag) => tags.has(tag)), `${name}: ${own.join()}`);
    assert.ok(security, name);
    assert.ok(scope !== undefined || security.length === 0, name);
  }
});

test('paths and their parameters belong together', () => {
  for (const { name, path, pathParameters, query } of endpoints) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
    assert.deepEqual(pathParameters.map((parameter) => parameter.name).sort(), inPath.sort(), name);
    for (const parameter of pathParameters) assert.equal(parameter.required, true, name);
    const names = [...pathParameters, ...query].map((parameter) => `${parameter.in} ${parameter.name}`);
    assert.equal(new Set(names).size, names.length, name);
  }
});

test('every schema is one of JSON Schema 2020-12', () => {
  const ajv = new Ajv2020({ strict: false, formats: { uuid: true, date: true, 'date-time': true } });
  ajv.addSchema({ $id: 'https://example.org/openapi', components: description.components });
  const schemasOf = (content: Response['content'] = {}) => Object.values(content).map(({ schema }) => schema);
  for (const { name, requestBody, responses, query, pathParameters } of endpoints) {
    const schemas = [
      ...schemasOf(requestBody?.content),
      ...Object.values(responses).flatMap(({ content }) => schemasOf(content)),
      ...[...query, ...pathParameters].map(({ schema }) => schema),
    ];
    for (const schema of schemas) {
      if (schema === undefined) continue;
      assert.equal(ajv.validateSchema(schema), true, `${name}: ${JSON.stringify(ajv.errors)}`);
      ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"https://example.org/openapi#/components')));
    }
  }
});

test('every operation describes its answers: what it gives, and each way to fail as a problem', () => {
  for (const { name, method, path, scope, requestBody, responses } of endpoints) {
    const statuses = Object.keys(responses);
    assert.ok(
      statuses.some((status) => status.startsWith('2')),
      name,
    );
    for (const [status, response] of Object.entries(responses)) {
      const { description: words, content } = response.$ref === undefined ? response : (resolve(response.$ref) as Response);
      assert.ok(words && words !== 'Default Response', `${name} ${status}`);
      assert.ok(content !== undefined || status === '204' || status === '304', `${name} ${status} gives nothing`);
      if (Number(status) < 400 || path.startsWith('/health/')) continue;
      assert.deepEqual(content?.['application/problem+json']?.schema, { $ref: '#/components/schemas/Problem' }, `${name} ${status}`);
    }
    const expected = ['400', '500', ...(scope ? ['401', '403', '503'] : []), ...(path.includes('{') ? ['404'] : [])];
    if (requestBody !== undefined) expected.push('413', '415');
    assert.deepEqual(
      expected.filter((status) => !statuses.includes(status)),
      [],
      name,
    );
    assert.ok(method !== 'GET' || requestBody === undefined, name);
  }
});

test('a body that may be left out is not called required', () => {
  const required = Object.fromEntries(endpoints.map(({ name, requestBody }) => [name, requestBody?.required]));
  assert.equal(required['POST /api/v1/content/{id}/submit'], false);
  assert.equal(required['POST /api/v1/content'], true);
});
