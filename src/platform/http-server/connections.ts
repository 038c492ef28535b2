import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyHttpOptions, FastifyInstance, RawServerDefault } from 'fastify';
import { AppError } from '#shared/errors';
import { createSlotList, type Slotted } from '#shared/slot-list';
import { problemContentType, problemOf } from './problem.ts';

/** How long a client may take, in milliseconds. */
export type ConnectionLimits = {
  /** From the opening of a connection, or the first byte of a later request, to the end of the headers. */
  readonly headersMs: number;
  /** To the end of the body. */
  readonly requestMs: number;
  /** With a request open and not a byte moving either way: somebody who does not read the answer. */
  readonly silenceMs: number;
  /** Between requests. Longer than the 60 s of common load balancers, so that it is they who close and never we under their hands. */
  readonly keepAliveMs: number;
  /** When the server closes, what runs has this long to end. */
  readonly closeMs: number;
};

export const defaultLimits: ConnectionLimits = {
  headersMs: 15_000,
  requestMs: 30_000,
  silenceMs: 120_000,
  keepAliveMs: 72_000,
  closeMs: 10_000,
};

const closePollMs = 50;
// A body that is on its way when the server closes has this long to arrive.
const arrivalMs = 2000;

const clientErrors: Readonly<Record<string, AppError>> = {
  ERR_HTTP_REQUEST_TIMEOUT: new AppError('request_timeout', 'The request took too long to arrive.', { status: 408 }),
  HPE_HEADER_OVERFLOW: new AppError('headers_too_large', 'The headers of the request are too large.', { status: 431 }),
};
const malformed = new AppError('malformed_request', 'The request is not well-formed HTTP.', { status: 400 });

export type Connections = {
  /** For the making of the server. */
  readonly options: FastifyHttpOptions<RawServerDefault>;
  /** Before any route. */
  install(app: FastifyInstance): void;
};

/** No client holds a connection for long without moving on, and a closing server waits for nobody but for what runs. */
export function createConnections(limits: ConnectionLimits): Connections {
  const answers = new WeakMap<Socket, ServerResponse>();

  /** What never became a request: there is no reply to send it by. */
  function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === 'ECONNRESET' || socket.destroyed) return;
    const answer = answers.get(socket);
    const isAnswering = answer?.headersSent === true && !answer.writableFinished;
    // Into the middle of an answer, another would be read as its continuation.
    if (socket.writable && !isAnswering) socket.write(writeProblem(clientErrors[error.code ?? ''] ?? malformed));
    socket.destroySoon();
  }

  return {
    options: {
      http: {
        headersTimeout: limits.headersMs,
        requestTimeout: limits.requestMs,
        // Node looks for what is overdue at this interval, of 30 s unless told.
        connectionsCheckingInterval: Math.min(1000, limits.headersMs, limits.requestMs),
      },
      requestTimeout: limits.requestMs,
      connectionTimeout: limits.silenceMs,
      keepAliveTimeout: limits.keepAliveMs,
      // What arrives on open connections while the server closes is served still, with `Connection: close`.
      return503OnClosing: false,
      forceCloseConnections: 'idle',
      clientErrorHandler: answerClientError,
    },
    install(app) {
      const open = createSlotList<Slotted & { readonly request: IncomingMessage }>();
      app.server.on('request', (request, response) => {
        answers.set(request.socket, response);
        const entry = { slot: -1, request };
        open.add(entry);
        response.once('close', () => open.delete(entry));
      });
      app.addHook('preClose', async () => {
        const startedAt = performance.now();
        const isWorthWaiting = (): boolean => {
          const waitedMs = performance.now() - startedAt;
          if (waitedMs > limits.closeMs) return false;
          // Of what has not even arrived nothing is done yet, and nothing is lost.
          return open.toArray().some(({ request }) => request.complete || waitedMs < arrivalMs);
        };
        // Node closes what is idle once, at the start: a connection that becomes idle later, or never sent a whole request, would hold us.
        const timer = setInterval(() => {
          app.server.closeIdleConnections();
          if (!isWorthWaiting()) app.server.closeAllConnections();
        }, closePollMs);
        app.server.once('close', () => clearInterval(timer));
      });
    },
  };
}

function writeProblem(error: AppError): string {
  const body = JSON.stringify(problemOf(error, 'none'));
  const head = [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
    `content-type: ${problemContentType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
