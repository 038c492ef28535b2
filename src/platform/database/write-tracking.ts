import type pg from 'pg';
import type { Logger } from '#platform/telemetry';
import { messageOf } from '#shared/errors';
import type { Session, WithSession } from './connection-pool.ts';
import { timelineOf } from './server-identity.ts';
import { type ConsistencySession, currentSession } from './session.ts';
import { endOfLastRecord, parseLsn, type WalPosition } from './wal-position.ts';

export type CommitOutcome = {
  /** False when the server rolled the transaction back though it was asked to commit. */
  readonly isCommitted: boolean;
};

export type WriteTracking = {
  /** Every statement by itself: where it may have written, the session learns where that ends. */
  readonly withSession: WithSession;
  /** Ends a transaction; the session learns where its commit lies, in the same round trip. */
  commit(session: Session): Promise<CommitOutcome>;
  /** After work of which no statement is known, on its connection. */
  afterWork(client: pg.ClientBase): Promise<void>;
};

// The insert position, not the flushed one: a commit is answered before it is on disk where the server is set so.
const positionQuery = 'select lsn::text as lsn, pg_walfile_name(lsn) as "walFile" from pg_current_wal_insert_lsn() as lsn';
const trackedCommit = `select pg_current_xact_id_if_assigned() is not null as "hasWritten"; commit; ${positionQuery}`;

type AskForPosition = () => Promise<pg.QueryResult | pg.QueryResult[]>;
type PositionRow = { readonly lsn: string; readonly walFile: string };

const positionOf = ({ lsn, walFile }: PositionRow): WalPosition => ({
  timeline: timelineOf(walFile),
  lsn: endOfLastRecord(parseLsn(lsn)),
});

const listOf = (answer: pg.QueryResult | pg.QueryResult[]): pg.QueryResult[] => (Array.isArray(answer) ? answer : [answer]);

/** Rather once too often: a SELECT writes only by a clause of it that changes rows. */
function mayHaveWritten(text: string, answer: pg.QueryResult | pg.QueryResult[]): boolean {
  return listOf(answer).some(({ command }) => command !== 'SELECT') || /\b(insert|update|delete|merge)\b/i.test(text);
}

async function commit(session: Session): Promise<CommitOutcome> {
  const [ended] = listOf(await session.query('commit', undefined, 'commit'));
  return { isCommitted: ended?.command !== 'ROLLBACK' };
}

/** Without replicas nothing has to be known of where a write went. */
export function createNoTracking(withSession: WithSession): WriteTracking {
  return { withSession, commit, afterWork: async () => undefined };
}

export type WriteTrackingOptions = {
  readonly withSession: WithSession;
  readonly noteCommit: (position: WalPosition) => void;
  readonly logger: Logger;
};

export function createWriteTracking({ withSession, noteCommit, logger }: WriteTrackingOptions): WriteTracking {
  function advance(consistency: ConsistencySession, position: WalPosition): void {
    noteCommit(position);
    consistency.advance(position);
  }

  /** What was written is committed by now, whatever becomes of this question. */
  async function learnPosition(ask: AskForPosition, consistency: ConsistencySession): Promise<void> {
    try {
      const [result] = listOf(await ask());
      const [row] = (result?.rows ?? []) as PositionRow[];
      if (row !== undefined) return advance(consistency, positionOf(row));
    } catch (error) {
      logger.debug({ reason: messageOf(error) }, 'where a commit lies is not known; its session reads from the primary');
    }
    consistency.advance(undefined);
  }

  return {
    withSession: (work) => {
      const consistency = currentSession();
      if (consistency === undefined) return withSession(work);
      return withSession((session) =>
        work({
          ...session,
          async query(text, values, name) {
            const answer = await session.query(text, values, name);
            if (mayHaveWritten(text, answer)) await learnPosition(() => session.query(positionQuery, undefined, 'position'), consistency);
            return answer;
          },
        }),
      );
    },
    async commit(session) {
      const consistency = currentSession();
      if (consistency === undefined) return commit(session);
      const [written, ended, position] = listOf(await session.query(trackedCommit, undefined, 'commit'));
      const [row] = (position?.rows ?? []) as PositionRow[];
      if (written?.rows[0]?.hasWritten === true && row !== undefined) advance(consistency, positionOf(row));
      return { isCommitted: ended?.command !== 'ROLLBACK' };
    },
    async afterWork(client) {
      const consistency = currentSession();
      if (consistency !== undefined) await learnPosition(() => client.query(positionQuery), consistency);
    },
  };
}
