import type { Database } from '#platform/database';
import { type JobRegistration, registerJob } from '#platform/jobs';
import type { Clock } from '#shared/clock';
import { AppError } from '#shared/errors';
import { publishArticle, publishScheduled } from './article-jobs.ts';
import { readDue } from './article-list-store.ts';
import { lockArticle } from './article-store.ts';
import type { Transitions } from './transitions.ts';

const publishActor = 'rule:auto-publish';
const scheduleActor = 'schedule';

export type Publication = {
  /** Publishes every article whose time has come; returns how many. One that fails keeps no other back. */
  publishDue(): Promise<number>;
  readonly jobs: readonly JobRegistration[];
};

export function createPublication(deps: {
  readonly database: Database;
  readonly clock: Clock;
  readonly transitions: Transitions;
}): Publication {
  const { database, clock, transitions } = deps;

  /** Nothing to do when it is no longer approved: it is published already, or somebody decided otherwise. */
  async function publishApproved({ contentId }: { readonly contentId: string }): Promise<void> {
    await database.transaction(async (tx) => {
      const article = await lockArticle(tx, contentId);
      if (article?.status === 'approved') await transitions.take(tx, article, 'publish', publishActor);
    });
  }

  /** Looks again under the lock: another process may have published it, somebody may have unscheduled it. */
  function publishIfDue(id: string, now: Date): Promise<boolean> {
    return database.transaction(async (tx) => {
      const article = await lockArticle(tx, id);
      if (article?.status !== 'scheduled' || article.scheduledAt === null || article.scheduledAt > now) return false;
      await transitions.take(tx, article, 'publish', scheduleActor, { reason: `scheduled for ${article.scheduledAt.toISOString()}` });
      return true;
    });
  }

  async function publishDue(): Promise<number> {
    const now = clock.now();
    const failures: { readonly id: string; readonly cause: unknown }[] = [];
    let published = 0;
    const tryToPublish = async (id: string) => {
      try {
        if (await publishIfDue(id, now)) published += 1;
      } catch (cause) {
        failures.push({ id, cause });
      }
    };
    for await (const page of readDue(database, now)) {
      for (const { id } of page) await tryToPublish(id);
    }
    const [first] = failures;
    if (first !== undefined) {
      const ids = failures.map(({ id }) => id).join(', ');
      throw new AppError('publication_failed', `Scheduled articles could not be published: ${ids}.`, {
        retryable: true,
        cause: first.cause,
      });
    }
    return published;
  }

  return { publishDue, jobs: [registerJob(publishArticle, publishApproved, 2), registerJob(publishScheduled, publishDue)] };
}
