import { recordAudit } from '#platform/audit';
import type { Compute } from '#platform/compute';
import type { HttpClient } from '#platform/http-client';
import { createBackground, registerJob } from '#platform/jobs';
import type { Knowledge, Pack } from '#platform/pack';
import type { ServiceDependencies, ServiceModule } from '#platform/service';
import { notFound } from '#shared/errors';
import { checkBrief } from './brief-check.ts';
import { checkText } from './check-text.ts';
import type { CheckInput, Quality } from './checks/index.ts';
import { createConceptIndex } from './concepts/index.ts';
import { createFinishing } from './finish-generation.ts';
import { createArticleGenerator } from './generate-article.ts';
import { failOrphanedGenerations, generateArticle } from './generation-jobs.ts';
import { generationRoutes } from './generation-routes.ts';
import { countByStatus, findRequest, findRequestByKey, insertRequest } from './generation-store.ts';
import type { Brief, CreateDraft, GenerationRequest, GenerationStatus, SearchRawContent } from './generation-types.ts';
import { createLlmRouter, listRoutes, namesUnsetProvider, type ProviderConfig } from './llm/index.ts';
import { createWriting } from './write-article.ts';

const llmTimeoutMs = 60_000;
const defaultLanguage = 'en';
// Providers are waited for, threads are counted by the pool: two articles at once keep both busy.
const concurrency = 2;

export type AiProcessorDependencies = ServiceDependencies & {
  readonly compute: Pick<Compute, 'run'>;
  /** Its `serviceHosts` are those that `listProviderHosts` gives: no other way leads to a provider. */
  readonly httpClient: Pick<HttpClient, 'fetch'>;
  readonly pack: Pick<Pack, 'categories' | 'tags' | 'topics' | 'voice'>;
  readonly knowledge: Knowledge;
  readonly searchRawContent: SearchRawContent;
  readonly createDraft: CreateDraft;
  readonly providers: ProviderConfig;
  /** Of one call of a model; a minute unless told. */
  readonly llmTimeoutMs?: number;
};

export type AiProcessor = {
  /** Queues an article. The same key again answers with the first request and writes nothing more. */
  requestGeneration(brief: Brief, options: { readonly key?: string; readonly actor: string }): Promise<GenerationRequest>;
  /** @throws AppError `not_found` */
  getGeneration(id: string): Promise<GenerationRequest>;
  generationStatus(): Promise<Record<GenerationStatus, number>>;
  /** Quality of any article-like text; positions refer to its plain text. */
  checkDraft(draft: CheckInput): Promise<Quality>;
  readonly module: ServiceModule;
};

export function createAiProcessor(dependencies: AiProcessorDependencies): AiProcessor {
  const { database, jobs, clock, logger, metrics, pack, knowledge, providers, compute, httpClient } = dependencies;
  const routes = listRoutes(providers);
  if (namesUnsetProvider(providers)) {
    logger.warn({ model: providers.model }, 'the model that is named belongs to a provider that is not set; it is not used');
  }
  const timeoutMs = dependencies.llmTimeoutMs ?? llmTimeoutMs;
  const { description, tone, person } = pack.voice;
  const writing = createWriting({
    compute,
    reference: { key: clock.newId(), knowledge, voice: pack.voice, tags: pack.tags, topics: pack.topics },
    house: { description, tone, person },
    router: routes.length === 0 ? undefined : createLlmRouter({ routes, database, clock, logger, metrics, httpClient, timeoutMs }),
  });

  const concepts = createConceptIndex({ knowledge, tags: pack.tags });
  const finishing = createFinishing(dependencies);
  const background = createBackground({ jobs, database });

  const requestGeneration: AiProcessor['requestGeneration'] = async (brief, { key, actor }) => {
    checkBrief(brief, pack);
    return database.transaction(async (tx) => {
      const id = clock.newId();
      const at = clock.now();
      const requestKey = key ?? id;
      const request = await insertRequest(tx, { id, key: requestKey, brief, at });
      if (request === undefined) return findRequestByKey(tx, requestKey);
      await recordAudit(tx, { id: clock.newId(), at, actor, action: 'generation.requested', subject: id });
      // The request's own id: whoever has it can follow the job as well.
      await background.run(generateArticle, { requestId: id, actor }, { transaction: tx, id });
      return request;
    });
  };

  async function getGeneration(id: string): Promise<GenerationRequest> {
    const request = await findRequest(database, id);
    if (request === undefined) throw notFound('generation request', id);
    return request;
  }

  return {
    requestGeneration,
    getGeneration,
    generationStatus: () => countByStatus(database),
    checkDraft: writing.check,
    module: {
      name: 'ai-processor',
      routes: generationRoutes({
        database,
        language: defaultLanguage,
        requestGeneration,
        getGeneration,
        checkText: (body) => checkText(body, defaultLanguage, writing.check),
      }),
      jobs: [
        registerJob(generateArticle, createArticleGenerator({ ...dependencies, concepts, writing, finishing }), concurrency),
        registerJob(failOrphanedGenerations, finishing.failOrphans),
      ],
      subscriptions: [],
      schedules: [{ definition: failOrphanedGenerations, cron: '* * * * *' }],
    },
  };
}
