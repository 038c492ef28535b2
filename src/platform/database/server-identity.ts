import type pg from 'pg';
import { endOfLastRecord, parseLsn } from './wal-position.ts';

/** The server behind a connection. One address can lead to several: a balancer deals connections out. */
export type ServerIdentity = {
  readonly key: string;
  /** True of a replica. Whoever is not in recovery has whatever was ever written to it. */
  isInRecovery: boolean;
  /** The end of what is known to be replayed, or of what is written where nothing is recovered. It may be further by now. */
  lsn: bigint;
  /** Undefined in recovery. */
  timeline: number | undefined;
};

export type ServerDirectory = {
  /** Asks the server at the other end of this connection who and how far it is. */
  ask(client: pg.ClientBase): Promise<ServerIdentity>;
};

// Servers come and go behind an address; what is forgotten is asked for again.
const maxKnown = 32;

const question = `
  select pg_postmaster_start_time()::text || ' ' || coalesce(inet_server_addr()::text, '') || ':' || coalesce(inet_server_port(), 0) as key,
         pg_is_in_recovery() as "isInRecovery",
         (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end)::text as lsn,
         case when pg_is_in_recovery() then null else pg_walfile_name(pg_current_wal_insert_lsn()) end as "walFile"`;

type Answer = { readonly key: string; readonly isInRecovery: boolean; readonly lsn: string | null; readonly walFile: string | null };

// The first eight hexadecimal digits of a log file's name.
export const timelineOf = (walFile: string): number => Number.parseInt(walFile.slice(0, 8), 16);

/** What is known of the servers behind one address. */
export function createServerDirectory(): ServerDirectory {
  const known = new Map<string, ServerIdentity>();

  function forgetOldest(): void {
    const [oldest] = known.keys();
    if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
  }

  return {
    async ask(client) {
      const { rows } = await client.query<Answer>(question);
      const [answer] = rows;
      if (answer === undefined) throw new Error('The server said nothing about itself.');
      const lsn = parseLsn(answer.lsn ?? '0/0');
      const timeline = answer.walFile === null ? undefined : timelineOf(answer.walFile);
      const identity = known.get(answer.key) ?? { key: answer.key, isInRecovery: answer.isInRecovery, lsn: 0n, timeline };
      known.delete(answer.key);
      known.set(answer.key, identity);
      forgetOldest();
      identity.isInRecovery = answer.isInRecovery;
      identity.timeline = timeline;
      const reached = answer.isInRecovery ? lsn : endOfLastRecord(lsn);
      // Answers can overtake one another; what was replayed stays so until the server starts anew, as another one.
      if (reached > identity.lsn) identity.lsn = reached;
      return identity;
    },
  };
}

export const hasReplayed = (server: ServerIdentity, lsn: bigint): boolean => !server.isInRecovery || server.lsn >= lsn;
