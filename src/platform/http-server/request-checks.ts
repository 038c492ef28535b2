import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError, type FieldFault, invalid } from '#shared/errors';
import { findTextFaults } from '#shared/storable-text';
import { addRouteHooks } from './route-hooks.ts';

// Far deeper than any request's schema, and far from where recursion over the value, ours or PostgreSQL's, ends in an error.
const maxDepth = 50;
const maxFaults = 20;

/**
 * What every route of the API asks of a request before its own schema does: text that can be stored, no bottomless nesting,
 * and nothing sent to a route that takes nothing. Pages look after themselves: they answer a reader, not a program.
 */
export function installRequestChecks(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (route.config?.isPage) return;
    const isApi = route.url.startsWith('/api/');
    addRouteHooks(route, {
      preValidation: async (request) => {
        const body = isRaw(request.body) ? null : request.body;
        checkDepth(body);
        checkText(body, request);
        if (isApi) checkNothingUnasked(request);
      },
    });
  });
}

/** Bytes, or a stream of them, which the route reads itself. No JSON holds a function. */
function isRaw(body: unknown): boolean {
  return ArrayBuffer.isView(body) || (typeof body === 'object' && body !== null && 'pipe' in body && typeof body.pipe === 'function');
}

function checkDepth(body: unknown): void {
  if (typeof body !== 'object' || body === null) return;
  const tooDeep = Object.entries(body).filter(([, value]) => isNestedDeeper(value, maxDepth));
  if (tooDeep.length === 0) return;
  const fields = tooDeep.slice(0, maxFaults).map(([name]) => ({ path: `/${name}`, message: `must not be nested deeper than ${maxDepth}` }));
  throw new AppError('invalid_request', `The body is nested deeper than ${maxDepth}.`, { status: 400, fields });
}

/** Level by level, not by recursion: JSON can be nested deeper than the stack is. */
function isNestedDeeper(value: unknown, depth: number): boolean {
  let level = [value].filter(isNested);
  for (let reached = 0; level.length > 0; reached += 1) {
    if (reached === depth) return true;
    level = level.flatMap((part) => Object.values(part).filter(isNested));
  }
  return false;
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** A body that is no JSON is text in a format of its own, which its route reads fault by fault. */
function checkText(body: unknown, { query, params }: FastifyRequest): void {
  const faults = [
    ...findTextFaults(typeof body === 'object' ? body : null),
    ...findTextFaults(query, '/querystring'),
    ...findTextFaults(params, '/params'),
  ].slice(0, maxFaults);
  if (faults.length > 0) throw invalid(`The text is not valid: ${describe(faults)}.`, faults);
}

/** A misspelt filter, or a body where none is read, would else be ignored in silence. */
function checkNothingUnasked({ body, query, routeOptions: { schema } }: FastifyRequest): void {
  const faults: FieldFault[] = [];
  const refuse = (value: unknown, root: string) => {
    if (value === undefined || value === null) return;
    const names = typeof value === 'object' ? Object.keys(value) : [''];
    faults.push(...names.slice(0, maxFaults).map((name) => ({ path: `${root}/${name}`, message: 'is not a known field' })));
  };
  if (schema?.body === undefined) refuse(body, '');
  if (schema?.querystring === undefined) refuse(query, '/querystring');
  if (faults.length > 0)
    throw new AppError('invalid_request', `Nothing is taken here: ${describe(faults)}.`, { status: 400, fields: faults });
}

const describe = (faults: readonly FieldFault[]): string => faults.map(({ path, message }) => `${path} ${message}`).join('; ');
