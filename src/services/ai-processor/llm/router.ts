import type { Queryable } from '#platform/database';
import { createFetch, type HttpClient } from '#platform/http-client';
import type { Logger, Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { AppError } from '#shared/errors';
import type { ArticleOutput } from './article-output.ts';
import { insertLlmCall } from './llm-call-store.ts';
import type { Prompt } from './prompt.ts';
import type { LlmRoute } from './provider-config.ts';

export type RouterAnswer = { readonly output: ArticleOutput; readonly writer: string };

export type LlmRouter = {
  /**
   * Asks one provider after another until one answers.
   * @throws AppError `llm_unavailable` (retryable) when one of them may answer later, `llm_refused` when none will
   */
  generate(
    request: { readonly prompt: Prompt; readonly purpose: string; readonly requestId: string | null },
    signal: AbortSignal,
  ): Promise<RouterAnswer>;
};

export type LlmRouterOptions = {
  readonly routes: readonly LlmRoute[];
  readonly database: Queryable;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly httpClient: Pick<HttpClient, 'fetch'>;
  /** Of one call. */
  readonly timeoutMs: number;
};

type Attempt =
  | { readonly kind: 'answered'; readonly answer: RouterAnswer }
  | { readonly kind: 'failed'; readonly isPermanent: boolean; readonly what: string };

// Of an answer: far more than the tokens that are asked for take.
const maxAnswerBytes = 4 * 1024 * 1024;

export function createLlmRouter({ routes, database, clock, logger, metrics, httpClient, timeoutMs }: LlmRouterOptions): LlmRouter {
  // Nothing is sent again here: another provider is asked instead. The addresses are those of the configuration.
  const fetch = createFetch(httpClient, { totalTimeoutMs: timeoutMs, maxBytes: maxAnswerBytes, retries: 0, isToService: true });
  const calls = metrics.counter('aquascene_llm_calls_total', 'Calls of language models', ['provider', 'status']);
  const seconds = metrics.histogram('aquascene_llm_call_seconds', 'Duration of calls of language models', ['provider']);
  const tokens = metrics.counter('aquascene_llm_tokens_total', 'Tokens of language models', ['provider', 'direction']);

  async function attempt(
    route: LlmRoute,
    { prompt, purpose, requestId }: Parameters<LlmRouter['generate']>[0],
    signal: AbortSignal,
  ): Promise<Attempt> {
    // The SDK and its providers are megabytes of code: loaded by who writes with them, not by every process.
    const { callModel, describeFailure, findModel } = await import('./call-model.ts');
    const { provider } = route;
    const started = performance.now();
    const calledAt = clock.now();
    const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    let model = route.model ?? 'unknown';

    async function record(
      outcome: Pick<Parameters<typeof insertLlmCall>[1], 'status' | 'inputTokens' | 'outputTokens' | 'error'>,
    ): Promise<void> {
      const durationMs = Math.round(performance.now() - started);
      calls.inc({ provider, status: outcome.status });
      seconds.observe({ provider }, durationMs / 1000);
      tokens.inc({ provider, direction: 'input' }, outcome.inputTokens ?? 0);
      tokens.inc({ provider, direction: 'output' }, outcome.outputTokens ?? 0);
      await insertLlmCall(database, { id: clock.newId(), requestId, provider, model, purpose, durationMs, calledAt, ...outcome });
    }

    try {
      model = await findModel(route, fetch, limited);
      const { output, inputTokens, outputTokens } = await callModel(route, model, prompt, fetch, limited);
      await record({ status: 'done', inputTokens, outputTokens, error: null });
      return { kind: 'answered', answer: { output, writer: `${provider}/${model}` } };
    } catch (error) {
      if (error instanceof AppError) throw error;
      if (signal.aborted) {
        await record({ status: 'aborted', inputTokens: null, outputTokens: null, error: null });
        throw signal.reason;
      }
      const failure = describeFailure(limited.aborted ? limited.reason : error, route, prompt);
      await record(failure);
      logger.warn({ provider, model, status: failure.status, error: failure.error }, 'a language model did not answer');
      return {
        kind: 'failed',
        isPermanent: failure.isPermanent,
        what: `${provider} (${failure.status.replaceAll('_', ' ')}: ${failure.error})`,
      };
    }
  }

  return {
    async generate(request, signal) {
      const failures: Extract<Attempt, { kind: 'failed' }>[] = [];
      for (const route of routes) {
        const outcome = await attempt(route, request, signal);
        if (outcome.kind === 'answered') return outcome.answer;
        failures.push(outcome);
      }
      const isPermanent = failures.every((failure) => failure.isPermanent);
      throw new AppError(
        isPermanent ? 'llm_refused' : 'llm_unavailable',
        `No language model wrote the article: ${failures.map(({ what }) => what).join('; ')}`,
        { status: 503, retryable: !isPermanent },
      );
    },
  };
}
