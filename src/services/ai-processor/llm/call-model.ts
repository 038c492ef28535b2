import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogle } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateText, jsonSchema, type LanguageModel, NoObjectGeneratedError, NoOutputGeneratedError, Output } from 'ai';
import { messageOf } from '#shared/errors';
import { type ArticleOutput, ArticleOutputSchema, validateArticleOutput } from './article-output.ts';
import type { LlmCallStatus } from './llm-call-store.ts';
import type { Prompt } from './prompt.ts';
import type { LlmRoute } from './provider-config.ts';

export type Fetch = typeof globalThis.fetch;

const maxOutputTokens = 16_000;
const maxErrorLength = 200;
const echoLength = 40;

export type ModelAnswer = {
  readonly output: ArticleOutput;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
};

const schema = jsonSchema<ArticleOutput>(() => JSON.parse(JSON.stringify(ArticleOutputSchema)), { validate: validateArticleOutput });

function openModel({ provider, baseUrl, apiKey = '' }: LlmRoute, model: string, fetch: Fetch): LanguageModel {
  const settings = { apiKey, fetch, ...(baseUrl !== undefined && { baseURL: baseUrl }) };
  switch (provider) {
    case 'openai':
      return createOpenAI(settings)(model);
    case 'anthropic':
      return createAnthropic(settings)(model);
    case 'google':
      return createGoogle(settings)(model);
    case 'ollama':
    case 'openai-compatible':
      return createOpenAICompatible({
        name: provider,
        baseURL: baseUrl ?? '',
        fetch,
        supportsStructuredOutputs: true,
        ...(apiKey !== '' && { apiKey }),
      })(model);
  }
}

/** The model that the route names, else the first that its server lists. */
export async function findModel(route: LlmRoute, fetch: Fetch, signal: AbortSignal): Promise<string> {
  if (route.model !== null) return route.model;
  const url = `${route.baseUrl ?? ''}/models`;
  const response = await fetch(url, {
    signal,
    ...(route.apiKey !== undefined && { headers: { authorization: `Bearer ${route.apiKey}` } }),
  });
  const failWith = (message: string) => {
    throw new APICallError({ message, url, requestBodyValues: {}, statusCode: response.status });
  };
  if (!response.ok) return failWith('The list of models was refused.');
  const list: unknown = await response.json();
  const data = typeof list === 'object' && list !== null && 'data' in list && Array.isArray(list.data) ? list.data : [];
  const id: unknown = data[0]?.id;
  return typeof id === 'string' ? id : failWith('The server lists no model; LLM_MODEL can name one.');
}

/** One call, never repeated here: what to do after a failure is the router's matter. */
export async function callModel(
  route: LlmRoute,
  model: string,
  { instructions, prompt }: Prompt,
  fetch: Fetch,
  signal: AbortSignal,
): Promise<ModelAnswer> {
  const { output, usage } = await generateText({
    model: openModel(route, model, fetch),
    instructions,
    prompt,
    output: Output.object({ schema, name: 'article' }),
    maxOutputTokens,
    maxRetries: 0,
    abortSignal: signal,
    telemetry: { isEnabled: false },
  });
  return { output, inputTokens: usage.inputTokens ?? null, outputTokens: usage.outputTokens ?? null };
}

export type Failure = {
  readonly status: LlmCallStatus;
  /** The same request would fail again: a wrong key, an unknown model. */
  readonly isPermanent: boolean;
  readonly error: string;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
};

function statusOf(error: APICallError): LlmCallStatus {
  const { statusCode } = error;
  if (statusCode === undefined) return 'unreachable';
  if (statusCode === 429) return 'rate_limited';
  return statusCode >= 500 || statusCode === 408 || statusCode === 409 ? 'server_error' : 'refused';
}

/** Providers quote what they were sent. Nothing of a key or of a prompt may stay in what is kept. */
function describeError(error: unknown, secrets: readonly string[], { instructions, prompt }: Prompt): string {
  const code = APICallError.isInstance(error) && error.statusCode !== undefined ? `HTTP ${error.statusCode}: ` : '';
  // A failed fetch says so and no more; why stands in its cause.
  const reason = error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
  let message = messageOf(reason).replace(/\s+/g, ' ');
  for (const secret of secrets) if (secret !== '') message = message.replaceAll(secret, '[key]');
  message = message.replace(/\b(?:sk|key|aiza)[-_]?[\w*-]{12,}/gi, '[key]').slice(0, maxErrorLength);
  const sent = `${instructions} ${prompt}`.replace(/\s+/g, ' ');
  for (let start = 0; start + echoLength <= message.length; start += 1) {
    if (sent.includes(message.slice(start, start + echoLength))) return `${code}the answer repeats the prompt and is not kept`;
  }
  return `${code}${message}`;
}

export function describeFailure(error: unknown, route: LlmRoute, prompt: Prompt): Failure {
  const text = describeError(error, [route.apiKey ?? ''], prompt);
  const noTokens = { inputTokens: null, outputTokens: null };
  if (NoObjectGeneratedError.isInstance(error)) {
    const usage = { inputTokens: error.usage?.inputTokens ?? null, outputTokens: error.usage?.outputTokens ?? null };
    return { status: 'bad_output', isPermanent: false, error: text, ...usage };
  }
  if (NoOutputGeneratedError.isInstance(error)) return { status: 'bad_output', isPermanent: false, error: text, ...noTokens };
  if (APICallError.isInstance(error)) {
    const status = statusOf(error);
    // An answer that is no answer of the protocol comes as an error with the status 200.
    if (error.statusCode !== undefined && error.statusCode < 400)
      return { status: 'bad_output', isPermanent: false, error: text, ...noTokens };
    return { status, isPermanent: status === 'refused', error: text, ...noTokens };
  }
  const isTimeout = error instanceof Error && error.name === 'TimeoutError';
  if (isTimeout) return { status: 'timed_out', isPermanent: false, error: 'No answer in time.', ...noTokens };
  return { status: error instanceof TypeError ? 'unreachable' : 'bad_output', isPermanent: false, error: text, ...noTokens };
}
