import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { sql } from '#platform/database';
import { briefsOf } from '#services/ai-processor';
import type { Config } from './config.ts';
import { type Context, createContext } from './context.ts';
import type { Progress } from './progress.ts';
import { requestDrafts } from './request-drafts.ts';
import type { Stock } from './start-report.ts';

const actor = 'sample';
const digestKey = 'sample-digest';
const pollIntervalMs = 150;

type Manifest = { readonly hosts: readonly { readonly host: string; readonly feeds: readonly string[]; readonly sitemap: string }[] };

type Outcome<T> = { readonly isDone: boolean; readonly detail: string; readonly value: T };

/** Asks until the rows say that the step is done: nothing else remembers how far it came, so a restart goes on from there. */
async function until<T>(signal: AbortSignal, update: (detail: string) => void, check: () => Promise<Outcome<T>>): Promise<T> {
  for (;;) {
    const { isDone, detail, value } = await check();
    update(detail);
    if (isDone) return value;
    await delay(pollIntervalMs, undefined, { signal });
  }
}

/**
 * The first walk through the house on the sample workspace: gather, write, publish, deliver. Every step can be repeated:
 * what exists is found by its key and not made again, so a run that was killed is simply run again.
 */
async function runSample(context: Context, progress: Progress, signal: AbortSignal): Promise<Stock> {
  const { config, contentManager, webScraper, aiProcessor, subscriberManager, distributor, database, clock } = context;
  await contentManager.saveWorkspaceSettings({ autoApproveMinScore: 0.7 }, actor);

  const pagesGathered = await progress.step(
    'Gathering the sample web',
    async (update) => {
      await addSampleTargets(context);
      return until(signal, update, async () => {
        const { pending, done, failed, skipped, targetsToCrawl } = await webScraper.crawlStatus();
        const detail = `${done} pages read, ${pending} to go`;
        return {
          isDone: pending === 0 && targetsToCrawl === 0 && done + failed + skipped > 0,
          detail,
          value: await webScraper.countGathered(),
        };
      });
    },
    (count) => `${count} pages`,
  );

  await progress.step(
    'Writing drafts from the sources',
    async (update) => {
      const asked = briefsOf(context.pack).map(({ key, ...brief }) => ({ brief, key: `sample-${key}` }));
      await requestDrafts(aiProcessor, asked, actor);
      return until(signal, update, async () => {
        const { queued, written, declined, failed } = await aiProcessor.generationStatus();
        return { isDone: queued === 0, detail: `${written} written, ${queued} to go`, value: { written, declined, failed } };
      });
    },
    ({ written, declined, failed }) => `${written} written, ${declined} declined${failed > 0 ? `, ${failed} failed` : ''}`,
  );

  const articlesPublished = await progress.step(
    'Checking and publishing',
    (update) =>
      until(signal, update, async () => {
        const counts = await contentManager.countByStatus();
        const moving = (counts.draft ?? 0) + (counts.approved ?? 0) + (await contentManager.countAwaitingAutoApproval());
        const published = counts.published ?? 0;
        return { isDone: moving === 0, detail: `${published} published, ${moving} to go`, value: published };
      }),
    (count) => `${count} articles`,
  );

  await progress.step(
    'Loading the sample subscribers',
    () => subscriberManager.importFile(path.join(config.packDir, 'sample-subscribers.csv'), { source: 'sample' }, actor),
    ({ created, updated, unchanged }) => `${created + updated + unchanged}`,
  );

  const mailsDelivered = await progress.step(
    'Delivering the digest',
    async (update) => {
      const since = new Date(clock.now().getTime() - 7 * 24 * 3600 * 1000);
      const digest = await distributor.createDigest({ key: digestKey, since, actor });
      if (digest.kind === 'nothing_new') return 0;
      await distributor.sendIssue(digest.issue.id, actor);
      return until(signal, update, async () => {
        const status = await distributor.issueStatus(digest.issue.id);
        const open = status.queued + status.claimed + status.sending;
        return { isDone: status.status === 'sent', detail: `${status.sent} delivered, ${open} to go`, value: status.sent };
      });
    },
    (count) => `${count} mails`,
  );

  await database.execute(
    'settings.sample-done',
    sql`insert into settings (name, value) values ('sample_run_done', 'true') on conflict do nothing`,
  );
  return { pagesGathered, articlesPublished, mailsDelivered };
}

/** The sample run in a context of its own, which is closed afterwards. */
export async function runSampleOn(config: Config, databaseUrl: string, progress: Progress, signal: AbortSignal): Promise<Stock> {
  const context = await createContext({ config, databaseUrl, name: 'sample', isScheduler: false });
  try {
    return await runSample(context, progress, signal);
  } finally {
    await context.close();
  }
}

async function addSampleTargets({ config, webScraper }: Context): Promise<void> {
  const manifest: Manifest = parse(await readFile(path.join(config.packDir, 'sample-web/manifest.yaml'), 'utf8'));
  for (const { host, feeds, sitemap } of manifest.hosts) {
    const origin = `http://${host}:${config.sample.webPort}`;
    for (const feed of feeds) await webScraper.addTarget(`${origin}${feed}`, 'feed');
    await webScraper.addTarget(`${origin}${sitemap}`, 'sitemap');
  }
}
