import type { Database } from '#platform/database';
import type { Events } from '#platform/events';
import type { JobContext } from '#platform/jobs';
import type { Logger, Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { AppError, messageOf } from '#shared/errors';
import { gatherSources } from './gather-sources.ts';
import { generationFinished } from './generation-events.ts';
import { generateArticle } from './generation-jobs.ts';
import { findRequest, finishRequest, lockRequest } from './generation-store.ts';
import type { CreateDraft, GenerationRequest, SearchRawContent } from './generation-types.ts';
import type { WriterOutcome, Writing } from './write-article.ts';

const maxReasonLength = 1000;

export type GenerateArticleOptions = {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly searchRawContent: SearchRawContent;
  readonly createDraft: CreateDraft;
  readonly writing: Writing;
};

/** No word left for it: written and declined are final, failed may be tried again by hand. */
const isOver = ({ status }: GenerationRequest): boolean => status === 'written' || status === 'declined';

/** A wrong key stays wrong: another try would only cost time. Everything else may pass. */
const isHopeless = (error: unknown): boolean => error instanceof AppError && error.code === 'llm_refused';

/**
 * The job's handler. All that it changes commits in one transaction, with the row locked: after a crash before it everything runs anew,
 * after a crash behind it the row says that nothing is to be done.
 */
export function createArticleGenerator(options: GenerateArticleOptions) {
  const { database, events, clock, logger, metrics, searchRawContent, createDraft, writing } = options;
  const generations = metrics.counter('aquascene_generations_total', 'Articles asked for, by how it ended', ['outcome', 'writer']);
  const seconds = metrics.histogram('aquascene_generation_seconds', 'Time to write and check an article', ['writer']);

  type Ending = WriterOutcome | { readonly kind: 'failed'; readonly reason: string; readonly writer: string | null };

  async function finish({ id, brief }: GenerationRequest, ending: Ending, actor: string): Promise<void> {
    const isFinished = await database.transaction(async (tx) => {
      const current = await lockRequest(tx, id);
      if (current === undefined || isOver(current)) return false;
      const at = clock.now();
      let contentId: string | null = null;
      if (ending.kind === 'written') {
        const { article, quality, writer } = ending;
        const { title, contentType, language, category, tags } = brief;
        const head = { generationId: id, title, contentType, language, category, tags, writer };
        const draft = { ...article, ...head, qualityScore: quality.qualityScore, qualityChecks: quality.checks };
        contentId = (await createDraft(tx, draft, actor)).id;
      }
      const reason = ending.kind === 'written' ? null : ending.reason.replaceAll('\u0000', '').slice(0, maxReasonLength);
      await finishRequest(tx, id, { status: ending.kind, reason, writer: ending.writer, contentId, at });
      await events.publish(tx, { type: generationFinished, aggregateId: id, payload: { requestId: id, status: ending.kind } });
      return true;
    });
    if (isFinished) generations.inc({ outcome: ending.kind, writer: ending.writer ?? 'none' });
  }

  return async (data: { readonly requestId: string; readonly actor: string }, job: JobContext): Promise<void> => {
    const request = await findRequest(database, data.requestId);
    if (request === undefined || isOver(request)) return;
    const started = performance.now();
    let outcome: WriterOutcome;
    try {
      const pages = await gatherSources(request.brief, searchRawContent);
      outcome = await writing.write(request.brief, pages, request.id, job.signal);
    } catch (error) {
      const hopeless = isHopeless(error);
      const isLast = job.retryCount >= generateArticle.retryLimit;
      if (!hopeless && !isLast) throw error;
      logger.warn({ err: error, requestId: request.id }, 'an article could not be written');
      await finish(request, { kind: 'failed', reason: messageOf(error), writer: null }, data.actor);
      // After the last try the job goes to the dead letters, from where it can be tried again. A hopeless one must not be tried at all.
      if (hopeless) return;
      throw error;
    }
    seconds.observe({ writer: outcome.writer }, (performance.now() - started) / 1000);
    await finish(request, outcome, data.actor);
  };
}
