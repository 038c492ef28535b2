import type { Clock } from '#shared/clock';

const minRestMs = 500;
const firstSpacingMs = 20;
const [minSpacingMs, maxSpacingMs] = [1, 1000];
/** They come back a little faster than they may leave, so that leave is never waiting for them. */
const headroom = 1.5;

type Pace = { granted: number; heldUp: number };

export type HostPaces = {
  granted(host: string): void;
  /** When a mail comes back that had no leave: not before `until`, and behind those that were held up before it. */
  heldUp(host: string, until: Date): Date;
};

/**
 * Spreads what waits for leave to a mail host over the time that its mails will take at the pace at which leave was given so
 * far. All coming back at once, a long queue would be gone through again for every one that may leave.
 */
export function createHostPaces(clock: Clock): HostPaces {
  const startedAtMs = clock.now().getTime();
  const paces = new Map<string, Pace>();

  function paceOf(host: string): Pace {
    let pace = paces.get(host);
    if (pace === undefined) {
      pace = { granted: 0, heldUp: 0 };
      paces.set(host, pace);
    }
    return pace;
  }

  return {
    granted(host) {
      paceOf(host).granted += 1;
    },
    heldUp(host, until) {
      const nowMs = clock.now().getTime();
      const pace = paceOf(host);
      const measuredMs = (nowMs - startedAtMs) / (pace.granted * headroom);
      const spacingMs =
        pace.granted === 0 || measuredMs === 0 ? firstSpacingMs : Math.min(maxSpacingMs, Math.max(minSpacingMs, measuredMs));
      pace.heldUp += 1;
      return new Date(Math.max(until.getTime(), nowMs + minRestMs) + (pace.heldUp - 1) * spacingMs);
    },
  };
}
