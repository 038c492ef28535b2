/** 0: all is served. 1: what is expensive is refused. 2: all but the essential is refused. */
export type LoadLevel = 0 | 1 | 2;

export type LoadScale = {
  /** From which value on each level holds. */
  readonly enter: readonly [number, number];
  /** A level is left below this part of the value at which it is entered. */
  readonly leaveShare: number;
  /** A level holds for this long at least. */
  readonly holdMs: number;
};

const levels = [2, 1] as const;

/** Levels of a value that rises and falls: up at once, down one at a time, and never to and fro over one threshold. */
export function createLoadLevel({ enter, leaveShare, holdMs }: LoadScale): (value: number, nowMs: number) => LoadLevel {
  let level: LoadLevel = 0;
  let changedAt = Number.NEGATIVE_INFINITY;

  function nextLevel(value: number, nowMs: number): LoadLevel {
    for (const higher of levels) if (higher > level && value >= enter[higher - 1 === 0 ? 0 : 1]) return higher;
    if (level === 0 || nowMs - changedAt < holdMs) return level;
    const entered = level === 1 ? enter[0] : enter[1];
    return value < entered * leaveShare ? (level === 2 ? 1 : 0) : level;
  }

  return (value, nowMs) => {
    const next = nextLevel(value, nowMs);
    if (next !== level) changedAt = nowMs;
    level = next;
    return level;
  };
}
