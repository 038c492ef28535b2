import { recordAudit } from '#platform/audit';
import { type BatchSizes, done, failed, type Outcome, processBatch } from '#platform/batch';
import { isDatabaseOutage, type Transaction } from '#platform/database';
import type { Pack } from '#platform/pack';
import type { ServiceDependencies } from '#platform/service';
import { AppError } from '#shared/errors';
import { checkBrief } from './brief-check.ts';
import { generateArticle } from './generation-jobs.ts';
import { findRequestByKey, insertRequests } from './generation-store.ts';
import type { Brief, GenerationRequest } from './generation-types.ts';

/** The same key again asks for nothing more. */
export type AskedBrief = { readonly brief: Brief; readonly key?: string };

export type GenerationRequester = {
  /** Queues an article, or answers with the first request of that key. @throws AppError `invalid_request` (422) */
  requestGeneration(brief: Brief, options: { readonly key?: string; readonly actor: string }): Promise<GenerationRequest>;
  /**
   * The same for a list: an outcome for each, in their order. What fails drops no others; what is queued stays so, whoever still waits for
   * the answer.
   */
  requestGenerations(asked: readonly AskedBrief[], options: { readonly actor: string }): Promise<Outcome<GenerationRequest>[]>;
};

export type RequesterOptions = Pick<ServiceDependencies, 'database' | 'jobs' | 'clock' | 'logger'> & {
  readonly pack: Pick<Pack, 'categories' | 'tags'>;
  /** Whose model is asked first; `extractive` without any. */
  readonly provider: string;
  readonly batchSizes: BatchSizes;
};

export function createGenerationRequester(options: RequesterOptions): GenerationRequester {
  const { database, jobs, clock, logger, pack, provider, batchSizes } = options;

  /** Requests and their jobs commit together; a request's id is that of its job too: whoever has it can follow both. */
  async function write(tx: Transaction, asked: readonly AskedBrief[], actor: string): Promise<GenerationRequest[]> {
    const at = clock.now();
    const rows = asked.map(({ brief, key }) => {
      const id = clock.newId();
      return { id, key: key ?? id, brief };
    });
    const inserted = await insertRequests(tx, rows, at);
    for (const { id } of inserted) {
      await recordAudit(tx, { id: clock.newId(), at, actor, action: 'generation.requested', subject: id });
    }
    await jobs.sendMany(
      tx,
      generateArticle,
      inserted.map(({ id }) => ({ id, data: { requestId: id, actor } })),
    );
    const requestOf = new Map(inserted.map((request) => [request.id, request]));
    const requests: GenerationRequest[] = [];
    for (const { id, key } of rows) requests.push(requestOf.get(id) ?? (await findRequestByKey(tx, key)));
    return requests;
  }

  return {
    async requestGeneration(brief, { key, actor }) {
      checkBrief(brief, pack);
      const asked = key === undefined ? { brief } : { brief, key };
      const [request] = await database.transaction((tx) => write(tx, [asked], actor));
      if (request === undefined) throw new AppError('generation_not_queued', 'The request was not written.');
      return request;
    },

    requestGenerations(asked, { actor }) {
      // Without a database the next batches need not find out anew, each after a time-out of its own.
      let outage: unknown;
      return processBatch(asked, {
        // A brief that is refused takes no place in a batch: what is thrown here is the outcome of this one.
        groupOf({ brief }) {
          checkBrief(brief, pack);
          return { kind: brief.contentType, provider };
        },
        async handle(batch) {
          if (outage !== undefined) return batch.map(() => failed(outage));
          try {
            return (await database.transaction((tx) => write(tx, batch, actor))).map(done);
          } catch (error) {
            if (isDatabaseOutage(error)) {
              outage = error;
              return batch.map(() => failed(error));
            }
            // One of several is at fault: each is tried by itself, and the one that fails then is told of.
            if (batch.length === 1) logger.error({ err: error }, 'a draft that was asked for could not be queued');
            if (error instanceof AppError) throw error;
            // What the database said is not for the caller.
            throw new AppError('generation_not_queued', 'Something went wrong on our side; this one was not queued.', { cause: error });
          }
        },
        batchSizes,
        splitOnFailure: true,
      });
    },
  };
}
