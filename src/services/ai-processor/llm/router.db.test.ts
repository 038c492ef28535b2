import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from '#platform/database';
import { createHttpClient, type HttpClient } from '#platform/http-client';
import { createMetrics } from '#platform/telemetry';
import { AppError } from '#shared/errors';
import { createLlmServer, type LlmReply, type LlmServer, usage } from '../../../../tests/support/llm-server.ts';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { createLlmRouter, listProviderHosts, listRoutes, type ProviderConfig } from './index.ts';

let t: TestContext;
let httpClient: HttpClient;
let first: LlmServer;
let second: LlmServer;
const output = { summary: { text: 'Moss grows.', passages: ['p1'] }, sections: [] };
const text: LlmReply = { kind: 'text', text: JSON.stringify(output) };
const error = (status: number, message: string): LlmReply => ({ kind: 'error', status, message });
const prompt = {
  instructions: 'The rules of the house.',
  prompt: 'Write about the secret garden of mosses that nobody may read about in a log.',
};
const openaiApiKey = 'sk-test-0123456789abcdefghij';
const rootOf = (server: LlmServer) => server.baseUrl.replace(/\/v1$/, '');

before(async () => {
  t = await createTestContext();
  httpClient = createHttpClient({
    allowedPrivateHosts: [],
    serviceHosts: ['127.0.0.1'],
    userAgent: 'Test',
    metrics: t.metrics,
    logger: t.logger,
  });
  first = await createLlmServer(() => text);
  second = await createLlmServer(() => text);
});
after(async () => {
  await Promise.all([first.close(), second.close(), httpClient.close()]);
  await t.close();
});
beforeEach(async () => {
  await t.database.execute('test.clear', sql`delete from llm_calls`);
  first.reply = () => text;
  second.reply = () => text;
});

function generate(config: ProviderConfig, options: { timeoutMs?: number; signal?: AbortSignal } = {}) {
  const { database, clock, logger, metrics } = t;
  const router = createLlmRouter({
    routes: listRoutes(config),
    database,
    clock,
    logger,
    metrics,
    httpClient,
    timeoutMs: options.timeoutMs ?? 30_000,
  });
  return router.generate({ prompt, purpose: 'test', requestId: null }, options.signal ?? new AbortController().signal);
}

/** OpenAI's protocol of responses at the first server, and an OpenAI-compatible one at the second. */
const both = (): ProviderConfig => ({ openaiApiKey, openaiBaseUrl: first.baseUrl, openaiCompatible: { baseUrl: second.baseUrl } });

const readCalls = () =>
  t.database.query<{
    provider: string;
    model: string;
    status: string;
    inputTokens: number | null;
    outputTokens: number | null;
    error: string | null;
  }>(
    'test.calls',
    sql`select provider, model, status, input_tokens as "inputTokens", output_tokens as "outputTokens", error from llm_calls order by id`,
  );

for (const [name, config, protocol, writer] of [
  ['OpenAI', () => ({ openaiApiKey, openaiBaseUrl: first.baseUrl }), 'openai-responses', 'openai/gpt-5-mini'],
  [
    'Anthropic',
    () => ({ anthropicApiKey: 'k', anthropicBaseUrl: first.baseUrl, model: 'anthropic/claude-x' }),
    'anthropic-messages',
    'anthropic/claude-x',
  ],
  ['Ollama', () => ({ ollamaBaseUrl: rootOf(first) }), 'openai-chat', 'ollama/house-model'],
  [
    'an OpenAI-compatible server',
    () => ({ openaiCompatible: { baseUrl: first.baseUrl, apiKey: 'k' }, model: 'openai-compatible/x' }),
    'openai-chat',
    'openai-compatible/x',
  ],
] as const) {
  test(`${name} is spoken to in its own protocol, and the call is kept with its tokens`, async () => {
    const answer = await generate(config());
    assert.deepEqual(answer, { output, writer });
    const request = first.requests.at(-1);
    assert.equal(request?.protocol, protocol);
    assert.match(request.system, /rules of the house/);
    assert.ok(!request.system.includes('secret garden'));
    assert.match(request.user, /secret garden/);
    const [provider = '', model] = writer.split('/');
    assert.deepEqual(await readCalls(), [{ provider, model, status: 'done', ...usage, error: null }]);
  });
}

for (const [what, reply, status] of [
  ['limits its rate', error(429, 'slow down'), 'rate_limited'],
  ['fails', error(503, 'overloaded'), 'server_error'],
  ['answers with garbage', { kind: 'text', text: '{"summary": ' }, 'bad_output'],
  ['answers with JSON of another shape', { kind: 'text', text: '{"poem": true}' }, 'bad_output'],
  ['refuses the key', error(401, `wrong key ${openaiApiKey}`), 'refused'],
] as const) {
  test(`a provider that ${what} is asked once, then the next one writes`, async () => {
    const asked = first.requests.length;
    first.reply = () => reply;
    assert.equal((await generate(both())).writer, 'openai-compatible/house-model');
    assert.equal(first.requests.length, asked + 1);
    const calls = await readCalls();
    assert.deepEqual(
      calls.map((call) => call.status),
      [status, 'done'],
    );
    assert.ok(calls[0]?.error);
    assert.ok(!JSON.stringify(calls).includes(openaiApiKey), 'no key is kept');
  });
}

test('a provider that does not answer in time, or cannot be reached, is passed over', async () => {
  first.reply = () => ({ kind: 'silence' });
  const config = { openaiApiKey, openaiBaseUrl: first.baseUrl, openaiCompatible: { baseUrl: 'http://127.0.0.1:1/v1' } };
  await assert.rejects(generate({ ...config, model: 'openai-compatible/x' }, { timeoutMs: 200 }), (thrown) => {
    assert.ok(thrown instanceof AppError && thrown.code === 'llm_unavailable' && thrown.retryable);
    return true;
  });
  assert.deepEqual(
    (await readCalls()).map((call) => call.status),
    ['unreachable', 'timed_out'],
  );
});

test('a provider that keeps failing is spared for a while, and the next one writes without waiting for it', async () => {
  const { metrics, logger } = t;
  const client = createHttpClient({
    ...{ allowedPrivateHosts: [], serviceHosts: ['127.0.0.1'], userAgent: 'Test', metrics: createMetrics('own'), logger },
    breaker: { failureThreshold: 2, openMs: 600_000 },
  });
  const { database, clock } = t;
  const router = createLlmRouter({
    ...{ routes: listRoutes(both()), database, clock, logger, metrics, httpClient: client, timeoutMs: 30_000 },
  });
  const asked = first.requests.length;
  first.reply = () => error(503, 'overloaded');
  try {
    for (let index = 0; index < 3; index += 1) {
      const answer = await router.generate({ prompt, purpose: 'test', requestId: null }, new AbortController().signal);
      assert.equal(answer.writer, 'openai-compatible/house-model');
    }
  } finally {
    await client.close();
  }
  assert.equal(first.requests.length, asked + 2);
  const [spared] = (await readCalls()).slice(-2);
  assert.equal(spared?.status, 'unreachable');
  assert.match(spared.error ?? '', /is spared for a while/);
});

test('a provider at a private address is reached only where the configuration names it', async () => {
  const config = { openaiCompatible: { baseUrl: first.baseUrl } };
  assert.deepEqual(listProviderHosts(config), [new URL(first.baseUrl).host]);
  assert.deepEqual(listProviderHosts({ openaiApiKey, openaiBaseUrl: 'https://gateway.example/v1' }), ['gateway.example:443']);
  assert.deepEqual(listProviderHosts({ openaiApiKey }), []);
  const { database, clock, logger, metrics } = t;
  const stranger = createHttpClient({ allowedPrivateHosts: [], userAgent: 'Test', metrics: createMetrics('own'), logger });
  const asked = first.requests.length;
  try {
    const router = createLlmRouter({
      ...{ routes: listRoutes(config), database, clock, logger, metrics, httpClient: stranger, timeoutMs: 30_000 },
    });
    await assert.rejects(router.generate({ prompt, purpose: 'test', requestId: null }, new AbortController().signal), /private address/);
  } finally {
    await stranger.close();
  }
  assert.equal(first.requests.length, asked);
});

test('when all refuse, the failure is final and says why', async () => {
  first.reply = () => error(401, 'the key is wrong');
  second.reply = () => error(400, 'no such model');
  await assert.rejects(generate(both()), (thrown) => {
    assert.ok(thrown instanceof AppError && thrown.code === 'llm_refused' && !thrown.retryable);
    assert.match(thrown.message, /openai \(refused: HTTP 401: the key is wrong\); openai-compatible \(refused: HTTP 400: no such model\)/);
    return true;
  });
});

test('an error that repeats the prompt is not kept', async () => {
  first.reply = () => error(400, `cannot write: ${prompt.prompt}`);
  await generate(both());
  const [call] = await readCalls();
  assert.match(call?.error ?? '', /HTTP 400/);
  assert.ok(!call?.error?.includes('secret garden'));
});

test('when the caller gives up, no other provider is asked', async () => {
  const controller = new AbortController();
  first.reply = () => {
    controller.abort(new Error('shutting down'));
    return { kind: 'silence' };
  };
  const asked = second.requests.length;
  await assert.rejects(generate(both(), { signal: controller.signal }), /shutting down/);
  assert.equal(second.requests.length, asked);
  assert.deepEqual(
    (await readCalls()).map((call) => call.status),
    ['aborted'],
  );
});
