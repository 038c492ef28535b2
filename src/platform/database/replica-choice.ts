import type { ServerIdentity } from './server-identity.ts';
import { hasReplayed } from './server-identity.ts';
import type { WalPosition } from './wal-position.ts';

/** What is known of a replica when one is chosen. */
export type ReplicaView = {
  readonly isUp: boolean;
  readonly server: ServerIdentity | undefined;
  readonly lagMs: number;
  readonly inFlight: number;
};

/** What is known of the primary: undefined while it is down. */
export type PrimaryView = { readonly timeline: number | undefined; readonly lsn: bigint } | undefined;

export type Choice<R> =
  | { readonly kind: 'replica'; readonly replica: R }
  /** None has replayed what the session wrote, but this one is so near that it is worth a short wait. */
  | { readonly kind: 'wait'; readonly replica: R }
  | { readonly kind: 'primary'; readonly reason: 'no_replica' | 'lag' | 'behind' | 'unknown_position' };

// A replica that lags more will not catch up within the short wait.
const nearMs = 250;
const lagWeightMs = 1000;

/** Load counts most; a second of lag weighs like twice the load. */
const costOf = ({ inFlight, lagMs }: ReplicaView): number => (inFlight + 1) * (1 + lagMs / lagWeightMs);

/** The better of two at random: hardly worse than the best of all, and not everybody runs to the same one. */
function pickOfTwo<R extends ReplicaView>(replicas: readonly [R, ...R[]], random: () => number): R {
  const first = Math.floor(random() * replicas.length);
  const second = (first + 1 + Math.floor(random() * (replicas.length - 1))) % replicas.length;
  const [a = replicas[0], b = replicas[0]] = [replicas[first], replicas[second]];
  return costOf(b) < costOf(a) ? b : a;
}

const isNotEmpty = <R>(list: readonly R[]): list is readonly [R, ...R[]] => list.length > 0;

export type ChoiceOptions = { readonly maxLagMs: number; readonly random: () => number };

/**
 * Where a read goes. A session's read goes to whoever has replayed what it wrote; a position that the primary has not
 * reached (of another timeline, or forged) is waited for by nobody.
 */
export function chooseReplica<R extends ReplicaView>(
  replicas: readonly R[],
  primary: PrimaryView,
  position: WalPosition | undefined,
  { maxLagMs, random }: ChoiceOptions,
): Choice<R> {
  const up = replicas.filter(({ isUp }) => isUp);
  if (up.length === 0) return { kind: 'primary', reason: 'no_replica' };
  // While the primary is down nothing fresher is to be had.
  const current = primary === undefined ? up : up.filter(({ lagMs }) => lagMs <= maxLagMs);
  if (!isNotEmpty(current)) return { kind: 'primary', reason: 'lag' };
  if (position === undefined) return { kind: 'replica', replica: pickOfTwo(current, random) };
  const { lsn, timeline } = position;
  if (primary !== undefined && (timeline !== primary.timeline || lsn > primary.lsn)) return { kind: 'primary', reason: 'unknown_position' };
  const caughtUp = current.filter(({ server }) => server !== undefined && hasReplayed(server, lsn));
  if (isNotEmpty(caughtUp)) return { kind: 'replica', replica: pickOfTwo(caughtUp, random) };
  const near = current.filter(({ lagMs }) => lagMs <= nearMs);
  return isNotEmpty(near) ? { kind: 'wait', replica: pickOfTwo(near, random) } : { kind: 'primary', reason: 'behind' };
}
