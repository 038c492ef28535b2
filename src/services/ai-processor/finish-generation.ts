import type { Database, Transaction } from '#platform/database';
import type { Events } from '#platform/events';
import type { Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { generationFinished } from './generation-events.ts';
import { finishRequest, lockOrphans, lockRequest } from './generation-store.ts';
import type { CreateDraft, GenerationRequest } from './generation-types.ts';
import type { WriterOutcome } from './write-article.ts';

const maxReasonLength = 1000;
const orphansAtOnce = 100;
const lostReason =
  'The work on it ended without an answer: the process that wrote it stopped at its last try, or its job was removed. Ask for it again.';

export type Ending = WriterOutcome | { readonly kind: 'failed'; readonly reason: string; readonly writer: string | null };

export type Finishing = {
  /** Ends a request, once: the second of two runs of its job changes nothing. */
  finish(request: GenerationRequest, ending: Ending, actor: string): Promise<void>;
  /** Ends as failed what waits for a job that there is no more. @returns how many */
  failOrphans(): Promise<number>;
};

/** No word left for it: written and declined are final, failed may be tried again by hand. */
export const isOver = ({ status }: GenerationRequest): boolean => status === 'written' || status === 'declined';

export function createFinishing(options: {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly createDraft: CreateDraft;
}): Finishing {
  const { database, events, clock, metrics, createDraft } = options;
  const generations = metrics.counter('aquascene_generations_total', 'Articles asked for, by how it ended', ['outcome', 'writer']);
  const count = ({ kind, writer }: Ending) => generations.inc({ outcome: kind, writer: writer ?? 'none' });

  async function end(tx: Transaction, { id, brief }: GenerationRequest, ending: Ending, actor: string): Promise<void> {
    let contentId: string | null = null;
    if (ending.kind === 'written') {
      const { title, article, quality, writer } = ending;
      const { contentType, language, category, tags } = brief;
      const head = { generationId: id, title, contentType, language, category, tags, writer };
      const draft = { ...article, ...head, qualityScore: quality.qualityScore, qualityChecks: quality.checks };
      contentId = (await createDraft(tx, draft, actor)).id;
    }
    const reason = ending.kind === 'written' ? null : ending.reason.replaceAll('\u0000', '').slice(0, maxReasonLength);
    await finishRequest(tx, id, { status: ending.kind, reason, writer: ending.writer, contentId, at: clock.now() });
    await events.publish(tx, { type: generationFinished, aggregateId: id, payload: { requestId: id, status: ending.kind } });
  }

  return {
    async finish(request, ending, actor) {
      const isFinished = await database.transaction(async (tx) => {
        const current = await lockRequest(tx, request.id);
        if (current === undefined || isOver(current)) return false;
        await end(tx, current, ending, actor);
        return true;
      });
      if (isFinished) count(ending);
    },
    async failOrphans() {
      const ending = { kind: 'failed', reason: lostReason, writer: null } as const;
      const failed = await database.transaction(async (tx) => {
        const orphans = await lockOrphans(tx, orphansAtOnce);
        for (const orphan of orphans) await end(tx, orphan, ending, 'engine');
        return orphans.length;
      });
      for (let index = 0; index < failed; index += 1) count(ending);
      return failed;
    },
  };
}
