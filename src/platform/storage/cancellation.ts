import type { Readable } from 'node:stream';

/** The stream fails with the signal's reason when it is aborted. */
export function cancelWith(signal: AbortSignal | undefined, stream: Readable): Readable {
  if (signal === undefined) return stream;
  const abort = () => stream.destroy(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  stream.once('close', () => signal.removeEventListener('abort', abort));
  return stream;
}
