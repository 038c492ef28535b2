export type ReplicationLag = {
  /** Where the primary was at this time, in milliseconds of this process's own steady clock. */
  note(lsn: bigint, atMs: number): void;
  /**
   * For at least how long, at this time, whoever has replayed this far has lacked something that the primary had, in
   * milliseconds.
   */
  lagMsOf(replayedLsn: bigint, atMs: number): number;
};

const maxSamples = 300;
// The primary's position can stand behind the header of a page that holds nothing yet; no replica ever replays a header.
const headerBytes = 40n;

/** Lag without comparing clocks of different machines: one process sees both positions, and its own clock tells when. */
export function createReplicationLag(): ReplicationLag {
  // Each position with the time when it was first seen.
  const samples: { readonly lsn: bigint; readonly atMs: number }[] = [];
  return {
    note(lsn, atMs) {
      const last = samples.at(-1);
      if (last !== undefined && lsn < last.lsn) samples.length = 0;
      if (last !== undefined && lsn === last.lsn) return;
      samples.push({ lsn, atMs });
      if (samples.length > maxSamples) samples.shift();
    },
    lagMsOf(replayedLsn, atMs) {
      const missing = samples.find(({ lsn }) => lsn > replayedLsn + headerBytes);
      return missing === undefined ? 0 : Math.max(0, atMs - missing.atMs);
    },
  };
}
