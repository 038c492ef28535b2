import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '#shared/errors';
import { collectAllowedMethods } from './allowed-methods.ts';
import { pageSecurityHeaders } from './page-headers.ts';
import { sendProblem, toAppError } from './problem.ts';

export type Failure = { readonly status: number; readonly code: string; readonly requestId: string };

/** How failures look to a reader. They are called when the database may be down: neither may need it. */
export type FailurePages = {
  /** Answers a GET that no route takes. */
  readonly renderNotFound?: (path: string) => Promise<string>;
  /** Answers what a page's route cannot. */
  readonly renderError?: (failure: Failure) => Promise<string>;
};

export type FailureHandling = {
  /** For requests that reach no route, such as those with a malformed address. For the making of the server. */
  readonly frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => void;
  /** Before any route. */
  install(app: FastifyInstance): void;
};

const pageRetryAfterSeconds = 30;

const pathOf = (request: FastifyRequest): string => request.url.split('?')[0] ?? '/';

/** A page that is missing is asked for by a reader's browser; what asks for JSON or stands under /api is a program. */
function isFromReader(request: FastifyRequest): boolean {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  return isRead && !request.url.startsWith('/api/') && !/application\/(problem\+)?json/.test(request.headers.accept ?? '');
}

export function createFailureHandling(pages: FailurePages): FailureHandling {
  async function sendFailure(request: FastifyRequest, reply: FastifyReply, error: AppError, isForReader: boolean): Promise<FastifyReply> {
    if (!isForReader || pages.renderError === undefined) return sendProblem(request, reply, error);
    const { status, code } = error;
    const html = await pages.renderError({ status, code, requestId: request.id });
    const retryAfterSeconds = error.retryAfterSeconds ?? (status >= 500 ? pageRetryAfterSeconds : undefined);
    if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds));
    return sendHtml(reply, status, html);
  }

  async function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, isForReader: boolean): Promise<FastifyReply> {
    const appError = toAppError(error);
    if (appError.status >= 500 && !request.isShed) request.log.error({ err: error, url: request.url }, 'request failed');
    try {
      return await sendFailure(request, reply, appError, isForReader);
    } catch (renderError) {
      request.log.error({ err: renderError }, 'the page that tells of an error failed itself');
      return sendProblem(request, reply, appError);
    }
  }

  async function answerNotFound(request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]): Promise<FastifyReply> {
    const path = pathOf(request);
    if (allowed.length > 0 && !allowed.includes(request.method)) {
      const error = new AppError('method_not_allowed', `${path} takes ${allowed.join(', ')}.`, { status: 405 });
      return sendFailure(request, reply.header('allow', allowed.join(', ')), error, isFromReader(request));
    }
    if (pages.renderNotFound === undefined || !isFromReader(request)) {
      return sendProblem(request, reply, new AppError('not_found', `Nothing answers ${request.method} ${path}.`, { status: 404 }));
    }
    return sendHtml(reply, 404, await pages.renderNotFound(path));
  }

  return {
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply, isFromReader(request)),
    install(app) {
      const allowedMethodsOf = collectAllowedMethods(app);
      app.setErrorHandler((error, request, reply) => {
        const isForReader = request.routeOptions.config.isPage ?? (request.is404 && isFromReader(request));
        return answerError(error, request, reply, isForReader);
      });
      app.setNotFoundHandler(async (request, reply) => {
        const allowed = allowedMethodsOf(pathOf(request));
        if (request.method !== 'OPTIONS' || allowed.length === 0) return answerNotFound(request, reply, allowed);
        return reply.code(204).header('allow', allowed.join(', ')).send();
      });
    },
  };
}

function sendHtml(reply: FastifyReply, status: number, html: string): FastifyReply {
  // Of the answer that was under way, nothing may be kept.
  return reply
    .removeHeader('etag')
    .code(status)
    .headers(pageSecurityHeaders)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .serializer((payload: string) => payload)
    .send(html);
}
