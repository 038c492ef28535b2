import { AsyncLocalStorage } from 'node:async_hooks';
import { type Logger as PinoLogger, pino } from 'pino';
import pretty from 'pino-pretty';

export type Logger = PinoLogger;

/** Ids that every log line of a request or job carries, however deep it is written. */
export type TraceContext = { readonly requestId?: string; readonly jobId?: string; readonly jobName?: string };

const traceStorage = new AsyncLocalStorage<TraceContext>();

export function runWithTrace<T>(trace: TraceContext, work: () => T): T {
  return traceStorage.run({ ...traceStorage.getStore(), ...trace }, work);
}

/** For frameworks whose hooks cannot wrap what follows: the rest of this asynchronous flow carries the ids. */
export function enterTrace(trace: TraceContext): void {
  traceStorage.enterWith({ ...traceStorage.getStore(), ...trace });
}

export function currentTrace(): TraceContext {
  return traceStorage.getStore() ?? {};
}

export type LoggerOptions = {
  readonly level: string;
  /** `json`: one object a line; `pretty`: for a person at a terminal. */
  readonly format: 'json' | 'pretty';
  readonly role: string;
  /** Standard error where standard output is the program's answer. */
  readonly destination?: 'stdout' | 'stderr';
};

const secretPaths = [
  'password',
  'apiKey',
  'token',
  'secret',
  'authorization',
  '*.password',
  '*.apiKey',
  '*.token',
  '*.secret',
  '*.authorization',
  'req.headers.authorization',
  'req.headers.cookie',
  'req.headers["x-api-key"]',
];

// What a database server says of an error beyond its message quotes the values that it was about.
const quotingFields = ['detail', 'where', 'hint', 'internalQuery', 'query', 'parameters'];

function serializeError(error: Error): object {
  const shown: Record<string, unknown> = { ...pino.stdSerializers.err(error) };
  for (const field of quotingFields) delete shown[field];
  return shown;
}

export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level,
    base: { role: options.role, pid: process.pid },
    serializers: { err: serializeError },
    redact: { paths: secretPaths, censor: '[redacted]' },
    mixin: () => ({ ...currentTrace() }),
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  };
  const stream = options.destination === 'stderr' ? process.stderr : process.stdout;
  if (options.format === 'json') return pino(settings, pino.destination(stream.fd));
  return pino(settings, pretty({ colorize: stream.isTTY === true, ignore: 'pid,hostname', sync: true, destination: stream.fd }));
}
