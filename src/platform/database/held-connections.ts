import type { Logger } from '#platform/telemetry';
import { createSlotList, type Slotted } from '#shared/slot-list';

/** One connection, while it is lent. */
export type Lease = Slotted & {
  sinceMs: number;
  /** Absent where the connection is lent for a single statement, whose name says it all. */
  readonly taken: { readonly stack?: string } | undefined;
  /** Name of the statement that ran last. */
  statement: string;
  isLogged: boolean;
};

export type HeldConnections = {
  /** @param from the function whose callers want the connection: their frames are kept */
  note(from?: (...args: never[]) => unknown): Lease;
  /** From now on the connection is held. */
  take(lease: Lease): void;
  giveBack(lease: Lease): void;
  close(): void;
};

const maxFrames = 8;
const maxLookIntervalMs = 5000;

function noteFrames(from: (...args: never[]) => unknown): { readonly stack?: string } {
  const taken: { stack?: string } = {};
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = maxFrames;
  Error.captureStackTrace(taken, from);
  Error.stackTraceLimit = stackTraceLimit;
  return taken;
}

/**
 * Says once of each connection that is held for too long where it was taken. To note the frames costs up to 10 µs, too much
 * for a single statement; they become text for those only that are logged.
 */
export function createHeldConnections({ warningMs, logger }: { warningMs: number; logger: Logger }): HeldConnections {
  const leases = createSlotList<Lease>();

  function look(): void {
    const now = performance.now();
    for (const lease of leases.toArray()) {
      if (lease.isLogged || now - lease.sinceMs < warningMs) continue;
      lease.isLogged = true;
      const takenAt = (lease.taken?.stack ?? '')
        .split('\n')
        .slice(1)
        .map((line) => line.trim());
      logger.warn(
        { heldMs: Math.round(now - lease.sinceMs), statement: lease.statement, takenAt },
        'a database connection is held for long',
      );
    }
  }
  const timer = setInterval(look, Math.min(maxLookIntervalMs, warningMs / 2));
  timer.unref();

  return {
    note(from) {
      const taken = from === undefined ? undefined : noteFrames(from);
      return { slot: -1, sinceMs: 0, taken, statement: '', isLogged: false };
    },
    take(lease) {
      lease.sinceMs = performance.now();
      leases.add(lease);
    },
    giveBack: leases.delete,
    close: () => clearInterval(timer),
  };
}
