import type { EventLabel } from './email-event.ts';
import { honeypotLink } from './email-event.ts';

export type LabelledEvent = {
  readonly id: string;
  readonly type: string;
  readonly label: EventLabel;
  readonly link: number | null;
  readonly occurredAt: Date;
};

/** Two links of a mail at the same moment, or three within a few seconds: no reader is so fast. */
const bursts = [
  { links: 2, withinMs: 500 },
  { links: 3, withinMs: 5000 },
] as const;
/** A machine that followed the link that no reader sees made whatever else came within a minute of it. */
const honeypotReachMs = 60_000;

/**
 * Those of one reader's opens and clicks in one mail that turn out to be a machine's. The order of the events does not matter; what is labelled
 * a machine's already is evidence, and is not given again.
 */
export function findMachineEvents(events: readonly LabelledEvent[]): LabelledEvent[] {
  const machine = new Set<LabelledEvent>();
  const clicks = events
    .filter(({ type, link }) => type === 'click' && link !== null)
    .sort((a, b) => a.occurredAt.getTime() - b.occurredAt.getTime());
  const timeOf = (event: LabelledEvent | undefined) => event?.occurredAt.getTime() ?? 0;

  for (const { links, withinMs } of bursts) {
    let first = 0;
    const counts = new Map<number | null, number>();
    for (const [index, click] of clicks.entries()) {
      counts.set(click.link, (counts.get(click.link) ?? 0) + 1);
      while (timeOf(click) - timeOf(clicks[first]) > withinMs) {
        const leaving = clicks[first]?.link ?? null;
        const rest = (counts.get(leaving) ?? 1) - 1;
        if (rest === 0) counts.delete(leaving);
        else counts.set(leaving, rest);
        first += 1;
      }
      if (counts.size >= links) for (const part of clicks.slice(first, index + 1)) machine.add(part);
    }
  }
  const traps = clicks.filter(({ link }) => link === honeypotLink);
  for (const event of events) {
    if (traps.some((trap) => Math.abs(timeOf(event) - timeOf(trap)) <= honeypotReachMs)) machine.add(event);
  }
  return [...machine].filter(({ label }) => label === 'human' || label === 'unknown');
}
