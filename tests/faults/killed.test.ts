import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createWorkplace, type Engine, startEngine, type Workplace } from '../support/engine.ts';
import { countInEngine, queryEngine } from '../support/engine-database.ts';
import { findPostmaster, findRoleProcess, listDescendants } from '../support/processes.ts';
import { waitFor } from '../support/wait-for.ts';

/** When a phase has begun and is not over, told from the rows. */
const phases: Readonly<Record<string, (workplace: Workplace) => Promise<boolean>>> = {
  crawl: async (w) => {
    const done = await countInEngine(w, `select count(*) from scraping_jobs where status = 'done'`);
    const pending = await countInEngine(w, `select count(*) from scraping_jobs where status = 'pending'`);
    return (done ?? 0) >= 2 && (pending ?? 0) >= 1;
  },
  draft: async (w) => ((await countInEngine(w, `select count(*) from generation_requests where status = 'written'`)) ?? 0) >= 1,
  publish: async (w) =>
    ((await countInEngine(w, `select count(*) from generated_content where status in ('approved', 'published')`)) ?? 0) >= 1,
  send: async (w) => ((await countInEngine(w, `select count(*) from deliveries where status = 'sent'`)) ?? 0) >= 50,
};

/** Nothing twice, nothing lost: what the rows and the mailbox must say after a first run, however it went. */
async function assertComplete(workplace: Workplace): Promise<void> {
  const one = async (text: string) => (await queryEngine<Record<string, unknown>>(workplace, text))[0] ?? {};
  const open = await one(
    `select (select count(*)::int from scraping_jobs where status = 'pending') as pages,
            (select count(*)::int from generation_requests where status = 'queued') as drafts,
            (select count(*)::int from generated_content where status in ('draft', 'approved')) as articles,
            (select count(*)::int from deliveries where status <> 'sent') as mails`,
  );
  assert.deepEqual(open, { pages: 0, drafts: 0, articles: 0, mails: 0 });

  const written = await one(
    `select count(*)::int as requests, count(distinct content_id)::int as articles,
            (select count(*)::int from generated_content) as rows
     from generation_requests where status = 'written'`,
  );
  assert.equal(written.articles, written.requests, 'each written request has an article of its own');
  assert.equal(written.rows, written.requests, 'no article was written twice');

  const mails = await one(
    `select (select count(*)::int from deliveries) as recipients, count(*)::int as accepted,
            count(distinct message_id)::int as messages, count(distinct lower(envelope_to))::int as addresses
     from mailbox_messages`,
  );
  assert.deepEqual(mails, { recipients: 1000, accepted: 1000, messages: 1000, addresses: 1000 });
}

describe('kill -9', () => {
  for (const [phase, isReached] of Object.entries(phases)) {
    describe(`of the worker in the phase ${phase}`, () => {
      let workplace: Workplace;
      let engine: Engine;
      before(async () => {
        workplace = await createWorkplace();
        engine = startEngine(workplace);
      });
      after(async () => {
        await engine.stop();
        workplace.remove();
      });
      test('the pipeline completes, nothing twice, nothing lost', async () => {
        await waitFor(`the phase ${phase}`, () => isReached(workplace));
        process.kill(findRoleProcess(engine.child.pid ?? 0, 'web-scraper').pid, 'SIGKILL');
        await engine.ready;
        await assertComplete(workplace);
      });
    });
  }

  describe('of the whole process tree while mails are sent', () => {
    let workplace: Workplace;
    let engine: Engine;
    before(async () => {
      workplace = await createWorkplace();
      engine = startEngine(workplace);
    });
    after(async () => {
      await engine.stop();
      workplace.remove();
    });
    test('the next start completes the pipeline, nothing twice, nothing lost', async () => {
      await waitFor('the phase send', () => phases.send?.(workplace));
      const enginePid = engine.child.pid ?? 0;
      const postmaster = findPostmaster(workplace.dataDir);
      for (const { pid } of [...listDescendants(enginePid), ...(postmaster === undefined ? [] : [postmaster])])
        process.kill(pid, 'SIGKILL');
      process.kill(enginePid, 'SIGKILL');
      await engine.exited;
      engine = startEngine(workplace);
      await engine.ready;
      await assertComplete(workplace);
    });
  });

  describe('of the engine only, while its database lives on', () => {
    let workplace: Workplace;
    let engine: Engine;
    before(async () => {
      workplace = await createWorkplace();
      engine = startEngine(workplace);
    });
    after(async () => {
      await engine.stop();
      workplace.remove();
    });
    test('the next start takes the database over and completes the pipeline', async () => {
      await waitFor('the phase draft', () => phases.draft?.(workplace));
      const postmaster = findPostmaster(workplace.dataDir);
      process.kill(engine.child.pid ?? 0, 'SIGKILL');
      await engine.exited;
      engine = startEngine(workplace);
      await engine.ready;
      assert.equal(findPostmaster(workplace.dataDir)?.pid, postmaster?.pid);
      await assertComplete(workplace);
    });
  });
});
