import { type Database, sql } from '#platform/database';
import { defineJob, type Jobs } from '#platform/jobs';
import type { Clock } from '#shared/clock';
import { addNumberedReaders, addPausedCampaign } from '../../tests/support/campaign.ts';
import { campaignContent, linkCount } from './campaign-content.ts';

type Desk = { readonly database: Database; readonly jobs: Jobs; readonly clock: Clock };

const hosts = 50;
const chains = 4;
const deliverBatch = defineJob<object>('deliver-batch', {});

export const addSubscribers = (database: Database, from: number, to: number): Promise<void> =>
  addNumberedReaders({ database }, from, to, hosts);

/** A campaign to the first so many subscribers, its ledger filled; it is paused until somebody starts its chains. */
export const fillIssue = (desk: Pick<Desk, 'database' | 'clock'>, key: string, recipients: number): Promise<string> =>
  addPausedCampaign(desk, {
    ...{ key, recipients },
    content: campaignContent(),
    links: Array.from({ length: linkCount }, (_, link) => `http://news.localhost:8000/articles/${link}`),
  });

/** As resuming it does, without the rest of the engine. */
export async function startChains({ database, jobs, clock }: Desk, issueId: string): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.execute('bench.start', sql`update newsletter_issues set status = 'sending' where id = ${issueId}::uuid`);
    await tx.execute(
      'bench.add-chains',
      sql`insert into delivery_chains (issue_id, chain, turn, alive_at)
          select ${issueId}::uuid, chain, 1, ${clock.now()} from generate_series(0, ${chains - 1}::int) chain`,
    );
    for (let chain = 0; chain < chains; chain += 1) await jobs.send(tx, deliverBatch, { issueId, chain, turn: 1, outages: 0 });
  });
}
