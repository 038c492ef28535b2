import type { FastifyInstance } from 'fastify';

/** Which methods a path takes, by the routes that are registered from now on. None: nothing is there. */
export function collectAllowedMethods(app: FastifyInstance): (path: string) => readonly string[] {
  const routes: { readonly parts: readonly string[]; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    routes.push({ parts: url.split('/'), methods: [method].flat() });
  });
  return (path) => {
    const given = path.split('/');
    const isMatch = (parts: readonly string[]) =>
      parts.length === given.length && parts.every((part, index) => part === given[index] || (part.startsWith(':') && given[index] !== ''));
    const methods = routes.filter(({ parts }) => isMatch(parts)).flatMap((route) => route.methods);
    return methods.length === 0 ? [] : [...new Set([...methods, 'OPTIONS'])].sort();
  };
}
