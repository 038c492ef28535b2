import assert from 'node:assert/strict';
import type { Engine, Workplace } from './engine.ts';
import { countInEngine, queryEngine } from './engine-database.ts';

/** When a phase of the sample run has begun and is not over, told from the rows. */
export const phases = {
  crawl: async (w: Workplace) => {
    const done = await countInEngine(w, `select count(*) from scraping_jobs where status = 'done'`);
    const pending = await countInEngine(w, `select count(*) from scraping_jobs where status = 'pending'`);
    return (done ?? 0) >= 2 && (pending ?? 0) >= 1;
  },
  draft: async (w: Workplace) => ((await countInEngine(w, `select count(*) from generation_requests where status = 'written'`)) ?? 0) >= 1,
  publish: async (w: Workplace) =>
    ((await countInEngine(w, `select count(*) from generated_content where status in ('approved', 'published')`)) ?? 0) >= 1,
  send: async (w: Workplace) => ((await countInEngine(w, `select count(*) from deliveries where status = 'sent'`)) ?? 0) >= 50,
} as const;

export async function firstRow(workplace: Workplace, text: string): Promise<Record<string, unknown>> {
  return (await queryEngine<Record<string, unknown>>(workplace, text))[0] ?? {};
}

/** Nothing left open, no article written twice: what the rows must say after a first run, however it went. */
export async function assertPipelineDone(workplace: Workplace): Promise<void> {
  const open = await firstRow(
    workplace,
    `select (select count(*)::int from scraping_jobs where status = 'pending') as pages,
            (select count(*)::int from generation_requests where status = 'queued') as drafts,
            (select count(*)::int from generated_content where status in ('draft', 'approved')) as articles,
            (select count(*)::int from deliveries where status not in ('sent', 'uncertain')) as mails`,
  );
  assert.deepEqual(open, { pages: 0, drafts: 0, articles: 0, mails: 0 });

  const written = await firstRow(
    workplace,
    `select count(*)::int as requests, count(distinct content_id)::int as articles,
            (select count(*)::int from generated_content) as rows
     from generation_requests where status = 'written'`,
  );
  assert.equal(written.articles, written.requests, 'each written request has an article of its own');
  assert.equal(written.rows, written.requests, 'no article was written twice');
}

/** Besides: each of the sample's subscribers has the digest once, in the embedded mailbox. */
export async function assertComplete(workplace: Workplace, engine: Engine): Promise<void> {
  // The mailbox keeps a second copy of a message out and says so: that it came is a fault all the same.
  assert.doesNotMatch(engine.output(), /came a second time/);
  await assertPipelineDone(workplace);
  const mails = await firstRow(
    workplace,
    `select (select count(*)::int from deliveries where status = 'sent') as sent, count(*)::int as accepted,
            count(distinct message_id)::int as messages, count(distinct lower(envelope_to))::int as addresses
     from mailbox_messages`,
  );
  assert.deepEqual(mails, { sent: 1000, accepted: 1000, messages: 1000, addresses: 1000 });
}
