import assert from 'node:assert/strict';
import type { InjectOptions } from 'fastify';
import type { HttpServer } from '#platform/http-server';
import type { Endpoint } from './api-description.ts';
import { type Stock, unknownId } from './stock.ts';
import { type Answer, problemIn, send } from './test-engine.ts';

export type Case = {
  /** Begins with the endpoint's name. */
  readonly what: string;
  readonly request: InjectOptions;
  /** What is to be so beyond that no answer is a fault of ours. */
  readonly check?: (answer: Answer, what: string) => void;
};

export type RequestParts = Partial<InjectOptions> & { readonly id?: string; readonly query?: string };

export type CaseRunner = {
  /** Runs all of them, so that one run tells of every fault. */
  run(cases: readonly Case[]): Promise<void>;
  /** To a real thing, unless the request would end it. */
  requestTo(endpoint: Endpoint, parts?: RequestParts): InjectOptions;
  withBody(endpoint: Endpoint, body: unknown): InjectOptions;
  realIdOf(endpoint: Endpoint): string;
  /** The names of the endpoints that did something. */
  readonly succeeded: ReadonlySet<string>;
};

const requestsAtOnce = 8;

export const json = { 'content-type': 'application/json' };

/** Nothing that ends the thing on which other cases stand. */
export const endsSomething = ({ method, path }: Endpoint): boolean => method === 'DELETE' || /\/(cancel|archive)$/.test(path);

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
function checkAnswer(answer: Answer, what: string): void {
  assert.ok(
    answer.status < 500 || (answer.status === 503 && what.includes('/health/ready')),
    `${what}: ${answer.status} ${answer.body.slice(0, 300)}`,
  );
  if (answer.status < 400) {
    if (answer.type.startsWith('application/json')) JSON.parse(answer.body);
    return;
  }
  const { code, fields } = problemIn(answer, what);
  if (code === 'invalid_request') assert.ok(fields.length > 0, `${what} names no field: ${answer.body.slice(0, 300)}`);
}

export function createCaseRunner(server: HttpServer, key: string, stock: Stock): CaseRunner {
  const succeeded = new Set<string>();
  const realIdOf = ({ path }: Endpoint): string => stock.get(path.slice(0, Math.max(0, path.indexOf('/{'))))?.id ?? unknownId;

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
    const { id = endsSomething(endpoint) ? unknownId : realIdOf(endpoint), query = '', headers, ...rest } = parts;
    const path = endpoint.path
      .replace('{id}', id)
      .replace(/\{(subscriberId|messageId)\}/g, unknownId)
      .replace('{name}', parts.id ?? 'unknown')
      .replace(/\{\w+\}/g, '1');
    return {
      method: endpoint.method,
      url: `${path}${query === '' ? '' : `?${query}`}`,
      headers: { 'x-api-key': key, ...headers },
      ...rest,
    };
  }

  return {
    succeeded,
    realIdOf,
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
