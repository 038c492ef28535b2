import { messageOf } from '#shared/errors';
import type { Logger } from './logger.ts';

export type OutageLog = { down(error: unknown): void; up(): void };

/** Says once that something is gone and once that it is back, however often it is tried meanwhile. */
export function createOutageLog(logger: Logger, what: string, context: object = {}): OutageLog {
  let isDown = false;
  return {
    down(error) {
      // Not the error itself: the driver hangs its whole client on it.
      const fields = { ...context, reason: messageOf(error) };
      if (isDown) logger.debug(fields, `${what} cannot be reached`);
      else logger.warn(fields, `${what} cannot be reached; it is tried until it can`);
      isDown = true;
    },
    up() {
      if (isDown) logger.warn(context, `${what} is reached again`);
      isDown = false;
    },
  };
}
