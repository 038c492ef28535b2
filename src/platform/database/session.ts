import { AsyncLocalStorage } from 'node:async_hooks';
import { unknownPosition, type WalPosition } from './wal-position.ts';

/**
 * What a reader has done so far: whatever the session wrote is seen by each of its later reads. Carried through the process
 * by the asynchronous context, and between processes by its token.
 */
export type ConsistencySession = {
  /** Runs work, and all that it starts, in this session. */
  run<T>(work: () => T): T;
  /** True when something was written in it since it was opened. */
  hasWritten(): boolean;
  /** Opaque, for the next request of the same reader; undefined when nothing was ever written. */
  token(): string | undefined;
  position(): WalPosition | undefined;
  /** Called after each commit; undefined when the place of the commit could not be learned. */
  advance(position: WalPosition | undefined): void;
};

const storage = new AsyncLocalStorage<ConsistencySession>();

const tokenVersion = 1;
// Version, timeline, position.
const tokenBytes = 1 + 4 + 8;

function encodeToken({ timeline, lsn }: WalPosition): string {
  const bytes = Buffer.alloc(tokenBytes);
  bytes.writeUInt8(tokenVersion, 0);
  bytes.writeUInt32BE(timeline, 1);
  bytes.writeBigUInt64BE(lsn, 5);
  return bytes.toString('base64url');
}

/** Undefined for whatever is no token of ours: it is then as if none had been given. */
function decodeToken(token: string): WalPosition | undefined {
  if (token.length > 2 * tokenBytes || !/^[\w-]+$/.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.length !== tokenBytes || bytes.readUInt8(0) !== tokenVersion) return undefined;
  return { timeline: bytes.readUInt32BE(1), lsn: bytes.readBigUInt64BE(5) };
}

export function openSession(token?: string): ConsistencySession {
  let position = token === undefined ? undefined : decodeToken(token);
  let hasWritten = false;
  const session: ConsistencySession = {
    run: (work) => storage.run(session, work),
    hasWritten: () => hasWritten,
    token: () => (position === undefined ? undefined : encodeToken(position)),
    position: () => position,
    advance(next) {
      hasWritten = true;
      if (next === undefined) position = unknownPosition;
      // A commit that comes after lies behind everything before it: also behind what could not be learned, and, after a
      // failover, behind all of another timeline.
      else if (position === undefined || position.timeline !== next.timeline || position.lsn < next.lsn) position = next;
    },
  };
  return session;
}

export const currentSession = (): ConsistencySession | undefined => storage.getStore();

/** Runs work in a session of its own: its reads see what it has written, and what the token's session had. */
export const runInSession = <T>(work: () => T, options: { readonly token?: string } = {}): T => openSession(options.token).run(work);

/** The token of the session that this code runs in; undefined outside of one, and before anything was written. */
export const sessionToken = (): string | undefined => currentSession()?.token();
