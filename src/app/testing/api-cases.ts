import assert from 'node:assert/strict';
import type { InjectOptions } from 'fastify';
import type { HttpServer } from '#platform/http-server';
import type { Endpoint, Parameter } from './api-description.ts';
import type { PathValues } from './mail-stock.ts';
import { type Stock, unknownId } from './stock.ts';
import { type Answer, problemIn, secretOfTests, send } from './test-engine.ts';

export type Case = {
  /** Begins with the endpoint's name. */
  readonly what: string;
  readonly request: InjectOptions;
  /** What is to be so beyond that no answer is a fault of ours. */
  readonly check?: (answer: Answer, what: string) => void;
};

/** `path`: instead of what stands behind the endpoint. */
export type RequestParts = Omit<Partial<InjectOptions>, 'path' | 'query'> & { readonly path?: PathValues; readonly query?: string };

export type CaseRunner = {
  /** Runs all of them, so that one run tells of every fault. */
  run(cases: readonly Case[]): Promise<void>;
  /** To a real thing, unless the request would end it. */
  requestTo(endpoint: Endpoint, parts?: RequestParts): InjectOptions;
  withBody(endpoint: Endpoint, body: unknown): InjectOptions;
  /** Of what really is there. */
  realPathOf(endpoint: Endpoint): PathValues;
  /** The names of the endpoints that did something. */
  readonly succeeded: ReadonlySet<string>;
};

const requestsAtOnce = 8;

export const json = { 'content-type': 'application/json' };

/** Nothing that ends the thing on which other cases stand. */
export const endsSomething = ({ method, path }: Endpoint): boolean => method === 'DELETE' || /\/(cancel|archive|disable)$/.test(path);

const isIdempotencyKey = (header: string): boolean => header.toLowerCase() === 'idempotency-key';
/** Whether a repetition with the same Idempotency-Key gets the answer of the first. */
export const isRepeatable = ({ headers }: Endpoint): boolean => headers.some(({ name }) => isIdempotencyKey(name));

/** Of the right shape, and nothing stands behind it. */
export function unknownValueOf({ schema }: Parameter): string {
  if (schema.type === 'integer') return String(schema.maximum ?? 1_000_000);
  return schema.format === 'uuid' ? unknownId : 'nobody';
}
const unknownPathOf = ({ pathParameters }: Endpoint): PathValues =>
  Object.fromEntries(pathParameters.map((parameter) => [parameter.name, unknownValueOf(parameter)]));

export const refusedWith =
  (...statuses: number[]) =>
  (answer: Answer, what: string): void =>
    assert.ok(statuses.includes(answer.status), `${what}: ${answer.status} ${answer.body.slice(0, 300)}`);

export const namesField =
  (path: string) =>
  (answer: Answer, what: string): void => {
    const { fields } = problemIn(answer, what);
    assert.ok(
      fields.some((field) => field.path === path),
      `${what} does not name ${path}: ${answer.body.slice(0, 300)}`,
    );
  };

/** No fault of ours, and of a client's fault all that is known of it. */
export function checkAnswer(answer: Answer, what: string): void {
  assert.ok(
    answer.status < 500 || (answer.status === 503 && what.includes('/health/ready')),
    `${what}: ${answer.status} ${answer.body.slice(0, 300)}`,
  );
  const leak = /\n\s+at .+:\d+:\d+|file:\/\/\/|node_modules|\.ts:\d+/.exec(answer.body);
  assert.equal(leak, null, `${what} shows our code: ${leak?.[0]}`);
  assert.ok(!answer.body.includes(secretOfTests), `${what} tells a secret`);
  if (answer.status < 400) {
    if (answer.type.startsWith('application/json')) JSON.parse(answer.body);
    return;
  }
  const { code, fields } = problemIn(answer, what);
  if (code === 'invalid_request') assert.ok(fields.length > 0, `${what} names no field: ${answer.body.slice(0, 300)}`);
}

export function createCaseRunner(server: HttpServer, key: string, stock: Stock): CaseRunner {
  const succeeded = new Set<string>();
  const realPathOf = ({ name, path }: Endpoint): PathValues => ({
    ...stock.get(path.slice(0, Math.max(0, path.indexOf('/{')))),
    ...stock.get(name),
  });
  let serial = 0;

  async function runOne({ what, request, check }: Case): Promise<string | undefined> {
    const answer = await send(server, request);
    if (answer.status < 300) succeeded.add(what.split(/[?:]| /, 2).join(' '));
    try {
      checkAnswer(answer, what);
      check?.(answer, what);
      return undefined;
    } catch (error) {
      assert.ok(error instanceof assert.AssertionError);
      return error.message;
    }
  }

  function requestTo(endpoint: Endpoint, parts: RequestParts = {}): InjectOptions {
    const { path: given, query = '', headers, ...rest } = parts;
    const values = { ...(endsSomething(endpoint) ? unknownPathOf(endpoint) : realPathOf(endpoint)), ...given };
    const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      assert.ok(value !== undefined, `nothing stands behind {${name}} of ${endpoint.name}`);
      return value;
    });
    const needsKey = endpoint.headers.some(({ name, required }) => isIdempotencyKey(name) && required);
    serial += 1;
    return {
      ...rest,
      method: endpoint.method,
      url: `${path}${query === '' ? '' : `?${query}`}`,
      headers: { 'x-api-key': key, ...(needsKey && { 'idempotency-key': `fuzz-${serial}` }), ...headers },
    };
  }

  return {
    succeeded,
    realPathOf,
    requestTo,
    withBody: (endpoint, body) => requestTo(endpoint, { headers: json, payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    async run(cases) {
      const faults: (string | undefined)[] = [];
      for (let start = 0; start < cases.length; start += requestsAtOnce) {
        faults.push(...(await Promise.all(cases.slice(start, start + requestsAtOnce).map(runOne))));
      }
      assert.deepEqual(
        faults.filter((fault) => fault !== undefined),
        [],
      );
    },
  };
}
