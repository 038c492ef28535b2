/** Connections of one process: those that it keeps, and those that it opens beyond them while they are needed. */
export type PoolSize = { readonly base: number; readonly burst: number };

export const poolSizes: Readonly<Record<'development' | 'staging' | 'production', PoolSize>> = {
  development: { base: 5, burst: 10 },
  staging: { base: 15, burst: 25 },
  production: { base: 25, burst: 50 },
};

/** What holds for every statement on a connection. */
export type SessionSettings = {
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  /** Memory of one sort or hash before it goes to disk. */
  readonly workMemMb: number;
  /** Compiling pays for statements of seconds only, and costs every other one. */
  readonly isJitOn: boolean;
};

export type ConnectionSettings = SessionSettings & {
  readonly applicationName: string;
  readonly maxConnections: number;
  /** Kept open though nobody needs them. */
  readonly baseConnections: number;
  /**
   * The address leads to PgBouncer in transaction mode, which passes no session settings on: `storeSessionSettings` puts
   * them where they hold all the same.
   */
  readonly isPooled: boolean;
  /** How long whoever wants a connection waits for a free one. */
  readonly acquireTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly connectionLifetimeS: number;
  /** A connection beyond the base that nobody needed for so long is closed. */
  readonly idleTimeoutMs: number;
  /** A connection that was idle for longer is asked something trivial before it is lent. */
  readonly checkAfterIdleMs: number;
  /** A connection that is lent for longer is logged, with where it was taken. */
  readonly heldWarningMs: number;
};

export const defaultConnectionSettings = {
  baseConnections: 0,
  isPooled: false,
  acquireTimeoutMs: 30_000,
  connectTimeoutMs: 10_000,
  connectionLifetimeS: 3600,
  idleTimeoutMs: 30_000,
  checkAfterIdleMs: 30_000,
  heldWarningMs: 30_000,
  statementTimeoutMs: 60_000,
  lockTimeoutMs: 10_000,
  idleInTransactionTimeoutMs: 300_000,
  workMemMb: 64,
  isJitOn: false,
} satisfies Partial<ConnectionSettings>;
