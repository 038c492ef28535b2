import type { Database } from '#platform/database';
import type { JobContext } from '#platform/jobs';
import type { Logger, Metrics } from '#platform/telemetry';
import { AppError, messageOf } from '#shared/errors';
import type { ConceptIndex } from './concepts/index.ts';
import { type Finishing, isOver } from './finish-generation.ts';
import { gatherSources } from './gather-sources.ts';
import { generateArticle } from './generation-jobs.ts';
import { findRequest } from './generation-store.ts';
import type { SearchRawContent } from './generation-types.ts';
import type { WriterOutcome, Writing } from './write-article.ts';

export type GenerateArticleOptions = {
  readonly database: Database;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly searchRawContent: SearchRawContent;
  readonly concepts: ConceptIndex;
  readonly writing: Writing;
  readonly finishing: Finishing;
};

/** A wrong key stays wrong: another try would only cost time. Everything else may pass. */
const isHopeless = (error: unknown): boolean => error instanceof AppError && error.code === 'llm_refused';

/**
 * The job's handler. All that it changes commits in one transaction, with the row locked: after a crash before it everything runs anew,
 * after a crash behind it the row says that nothing is to be done.
 */
export function createArticleGenerator(options: GenerateArticleOptions) {
  const { database, logger, metrics, searchRawContent, concepts, writing, finishing } = options;
  const seconds = metrics.histogram('aquascene_generation_seconds', 'Time to write and check an article', ['writer']);

  return async (data: { readonly requestId: string; readonly actor: string }, job: JobContext): Promise<void> => {
    const request = await findRequest(database, data.requestId);
    if (request === undefined || isOver(request)) return;
    const started = performance.now();
    let outcome: WriterOutcome;
    try {
      const pages = await gatherSources(request.brief, searchRawContent, concepts);
      outcome = await writing.write(request.brief, pages, request.id, job.signal);
    } catch (error) {
      const hopeless = isHopeless(error);
      const isLast = job.retryCount >= generateArticle.retryLimit;
      if (!hopeless && !isLast) throw error;
      logger.warn({ err: error, requestId: request.id }, 'an article could not be written');
      await finishing.finish(request, { kind: 'failed', reason: messageOf(error), writer: null }, data.actor);
      // After the last try the job goes to the dead letters, from where it can be tried again. A hopeless one must not be tried at all.
      if (hopeless) return;
      throw error;
    }
    seconds.observe({ writer: outcome.writer }, (performance.now() - started) / 1000);
    await finishing.finish(request, outcome, data.actor);
  };
}
