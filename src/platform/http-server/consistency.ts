import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type ConsistencySession, openSession } from '#platform/database';

const header = 'x-consistency-token';

/**
 * Each request is a session that reads its own writes, from whichever server it reads. After a write the answer carries a
 * token; a later request that sends it along sees at least what this one saw.
 */
export function installConsistency(app: FastifyInstance): void {
  const sessions = new WeakMap<FastifyRequest, ConsistencySession>();

  app.addHook('onRequest', (request, _reply, done) => {
    const token = request.headers[header];
    const session = openSession(typeof token === 'string' ? token : undefined);
    sessions.set(request, session);
    session.run(done);
  });
  // A body is parsed in the socket's own context, not in the request's.
  app.addHook('preValidation', (request, _reply, done) => {
    const session = sessions.get(request);
    if (session === undefined) done();
    else session.run(done);
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    const session = sessions.get(request);
    const token = session?.hasWritten() === true ? session.token() : undefined;
    if (token !== undefined) reply.header(header, token);
    done();
  });
}
