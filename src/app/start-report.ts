import { sql } from '#platform/database';
import { createApiKey, listApiKeys } from '#platform/http-server';
import type { Context } from './context.ts';

export type Stock = {
  readonly pagesGathered: number;
  readonly articlesPublished: number;
  readonly mailsDelivered: number;
};

/** What the API's process tells the supervisor when it is ready, for the table that ends a start. */
export type StartReport = {
  readonly stock: Stock;
  readonly isSampleRunDone: boolean;
  /** In clear text, when there was no key yet: to be shown this once. */
  readonly firstKey: string | undefined;
};

export async function countStock({ webScraper, contentManager, distributor }: Context): Promise<Stock> {
  const counts = await contentManager.countByStatus();
  return {
    pagesGathered: await webScraper.countGathered(),
    articlesPublished: counts.published ?? 0,
    mailsDelivered: await distributor.countSent(),
  };
}

async function createFirstKey({ database, clock }: Context): Promise<string | undefined> {
  if ((await listApiKeys(database)).length > 0) return undefined;
  const { key } = await createApiKey(database, clock, { name: 'first', scopes: ['*'] });
  return key;
}

async function isSampleRunDone({ database }: Context): Promise<boolean> {
  const row = await database.maybeOne('settings.sample-run', sql<object>`select 1 from settings where name = 'sample_run_done'`);
  return row !== undefined;
}

export async function reportStart(context: Context): Promise<StartReport> {
  return {
    stock: await countStock(context),
    isSampleRunDone: await isSampleRunDone(context),
    firstKey: await createFirstKey(context),
  };
}
