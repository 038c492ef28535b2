import type { Compute } from '#platform/compute';
import type { HttpClient } from '#platform/http-client';
import { registerJob } from '#platform/jobs';
import type { Knowledge, Pack } from '#platform/pack';
import type { ServiceDependencies, ServiceModule } from '#platform/service';
import { notFound } from '#shared/errors';
import { checkText } from './check-text.ts';
import type { CheckInput, Quality } from './checks/index.ts';
import { createConceptIndex } from './concepts/index.ts';
import { createFinishing } from './finish-generation.ts';
import { createArticleGenerator } from './generate-article.ts';
import { failOrphanedGenerations, generateArticle } from './generation-jobs.ts';
import { generationRoutes } from './generation-routes.ts';
import { countByStatus, findRequest } from './generation-store.ts';
import type { CreateDraft, GenerationRequest, GenerationStatus, SearchRawContent } from './generation-types.ts';
import { createLlmRouter, listRoutes, namesUnsetProvider, type ProviderConfig } from './llm/index.ts';
import { createGenerationRequester, type GenerationRequester } from './request-generations.ts';
import { createWriting } from './write-article.ts';

const llmTimeoutMs = 60_000;
const defaultLanguage = 'en';
// Providers are waited for, threads are counted by the pool: two articles at once keep both busy.
const concurrency = 2;
// Of providers that the configuration does not name, if it names no default either.
const defaultBatchSize = 3;

export type AiProcessorDependencies = ServiceDependencies & {
  readonly compute: Pick<Compute, 'run'>;
  /** Its `serviceHosts` are those that `listProviderHosts` gives: no other way leads to a provider. */
  readonly httpClient: Pick<HttpClient, 'fetch'>;
  readonly pack: Pick<Pack, 'categories' | 'tags' | 'topics' | 'voice'>;
  readonly knowledge: Knowledge;
  readonly searchRawContent: SearchRawContent;
  readonly createDraft: CreateDraft;
  readonly providers: ProviderConfig;
  /** How many drafts asked for at once are queued together, by the provider that writes them (or `extractive`); `default` for the others. */
  readonly batchSizes?: Readonly<Record<string, number>>;
  /** Of one call of a model; a minute unless told. */
  readonly llmTimeoutMs?: number;
};

export type AiProcessor = GenerationRequester & {
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
  const requester = createGenerationRequester({
    ...{ database, jobs, clock, logger, pack },
    provider: routes[0]?.provider ?? 'extractive',
    batchSizes: { default: defaultBatchSize, ...dependencies.batchSizes },
  });

  async function getGeneration(id: string): Promise<GenerationRequest> {
    const request = await findRequest(database, id);
    if (request === undefined) throw notFound('generation request', id);
    return request;
  }

  return {
    ...requester,
    getGeneration,
    generationStatus: () => countByStatus(database),
    checkDraft: writing.check,
    module: {
      name: 'ai-processor',
      routes: generationRoutes({
        database,
        language: defaultLanguage,
        ...requester,
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
