import type {
  FastifyReply,
  FastifyRequest,
  HookHandlerDoneFunction,
  onSendAsyncHookHandler,
  preHandlerAsyncHookHandler,
  preValidationAsyncHookHandler,
  RouteOptions,
} from 'fastify';

/** Hooks of one route: a hook on the server costs every request, also those to which it has nothing to say. */
export type RouteHooks = {
  /** Says that it is done by `done`, or by its promise. */
  readonly onRequest?: (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => Promise<unknown> | undefined;
  readonly preValidation?: preValidationAsyncHookHandler;
  readonly preHandler?: preHandlerAsyncHookHandler;
  // biome-ignore lint/suspicious/noExplicitAny: the payload is whatever the route sends
  readonly onSend?: onSendAsyncHookHandler<any>;
};

const added = new WeakMap<RouteOptions, Map<string, number>>();

/** They run after the server's hooks of the same kind, in the order in which they were added, and before the route's own. */
export function addRouteHooks(route: RouteOptions, hooks: RouteHooks): void {
  const counts = added.get(route) ?? new Map<string, number>();
  added.set(route, counts);
  for (const [name, hook] of Object.entries(hooks)) {
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    const existing = [(route[name as keyof RouteHooks] as unknown) ?? []].flat();
    Object.assign(route, { [name]: existing.toSpliced(count, 0, hook) });
  }
}
