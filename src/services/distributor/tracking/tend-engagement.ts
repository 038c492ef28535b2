import { setTimeout as delay } from 'node:timers/promises';
import { type Database, sql, type Transaction } from '#platform/database';
import { defineJob } from '#platform/jobs';
import type { Clock } from '#shared/clock';
import type { EmailFigure } from '../distributor-types.ts';
import { findMachineEvents, type LabelledEvent } from './click-bursts.ts';
import { relabelAsScanner } from './engagement-store.ts';
import { foldFigures } from './figure-store.ts';

/** Begun every minute and busy until shortly before the next one begins. `seconds`: how long; 0: once. */
export const tendEngagementJob = defineJob<{ readonly seconds?: number }>('tend-engagement', { retryLimit: 0, expireInSeconds: 300 });

const busySeconds = 57;
const pauseMs = 1000;
const changesAtOnce = 500;
const suspectsAtOnce = 200;
/** Until then what belongs to a burst has come. */
const settleMs = 10_000;
/** Evidence that is looked at: of one reader and mail, the latest. */
const maxEvents = 500;

export type TendEngagementOptions = {
  readonly database: Database;
  readonly clock: Clock;
  /** Adds to the figures of the articles, in the transaction that takes them out of the changes. */
  readonly addArticleFigures: (tx: Transaction, figures: readonly EmailFigure[]) => Promise<void>;
};

/** Adds up what has changed in the figures, and looks again at clicks that may be a machine's. Ended at any point, it goes on from there. */
export async function tendEngagement(options: TendEngagementOptions, seconds = busySeconds, signal?: AbortSignal): Promise<void> {
  const until = performance.now() + seconds * 1000;
  do {
    while ((await relabelSuspects(options)) > 0) signal?.throwIfAborted();
    while ((await foldOnce(options)) > 0) signal?.throwIfAborted();
    if (performance.now() + pauseMs >= until) return;
    await delay(pauseMs, undefined, { ...(signal !== undefined && { signal }) });
  } while (performance.now() < until);
}

async function foldOnce({ database, addArticleFigures }: TendEngagementOptions): Promise<number> {
  const pending = await database.maybeOne('issue-figures.pending', sql<object>`select 1 from issue_figure_changes limit 1`);
  if (pending === undefined) return 0;
  return database.transaction(async (tx) => {
    const { changes, articles } = await foldFigures(tx, changesAtOnce);
    if (articles.length > 0) await addArticleFigures(tx, articles);
    return changes;
  });
}

type Suspect = { readonly issueId: string; readonly subscriberId: string };

/**
 * Rows are taken in the order in which events are recorded: the readers' rows, then the suspects. What is being recorded while this
 * runs waits for it, and makes its reader a suspect again.
 * @returns how many readers were looked at
 */
function relabelSuspects({ database, clock }: TendEngagementOptions): Promise<number> {
  return database.transaction(async (tx) => {
    const settledBy = new Date(clock.now().getTime() - settleMs);
    const candidates = await tx.query(
      'email-suspects.list',
      sql<Suspect>`select issue_id as "issueId", subscriber_id as "subscriberId" from email_suspects
          where seen_at <= ${settledBy} order by seen_at limit ${suspectsAtOnce}`,
    );
    if (candidates.length === 0) return 0;
    await lockReaders(tx, candidates);
    const suspects = await tx.query(
      'email-suspects.take',
      sql<Suspect>`delete from email_suspects where (issue_id, subscriber_id) in (select * from ${rowsOf(candidates)}) and seen_at <= ${settledBy}
          returning issue_id as "issueId", subscriber_id as "subscriberId"`,
    );
    const events = await readEvidence(tx, suspects);
    const machine = [...Map.groupBy(events, ({ issueId, subscriberId }) => issueId + subscriberId).values()].flatMap(findMachineEvents);
    const issueOf = new Map(events.map(({ id, issueId }) => [id, issueId]));
    for (const [issueId, changed] of Map.groupBy(machine, ({ id }) => issueOf.get(id) ?? '')) await relabelAsScanner(tx, issueId, changed);
    return suspects.length;
  });
}

const rowsOf = (suspects: readonly Suspect[]) => sql`
  unnest(${suspects.map(({ issueId }) => issueId)}::uuid[], ${suspects.map(({ subscriberId }) => subscriberId)}::uuid[]) as s (issue_id, subscriber_id)`;

async function lockReaders(tx: Transaction, readers: readonly Suspect[]): Promise<void> {
  await tx.execute(
    'email-engagements.lock',
    sql`select 1 from email_engagements where (issue_id, subscriber_id) in (select * from ${rowsOf(readers)})
        order by issue_id, what, subscriber_id for update`,
  );
}

function readEvidence(tx: Transaction, suspects: readonly Suspect[]): Promise<(LabelledEvent & Suspect)[]> {
  return tx.query(
    'email-events.evidence',
    sql<LabelledEvent & Suspect>`
      select e.id, e.issue_id as "issueId", e.subscriber_id as "subscriberId", e.type, e.label, e.link, e.occurred_at as "occurredAt"
      from ${rowsOf(suspects)}
      cross join lateral (
        select * from email_events where subscriber_id = s.subscriber_id and issue_id = s.issue_id and type in ('open', 'click')
        order by occurred_at desc limit ${maxEvents}
      ) as e`,
  );
}
