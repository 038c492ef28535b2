import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type LlmProtocol = 'openai-responses' | 'openai-chat' | 'anthropic-messages';

export type LlmRequest = {
  readonly protocol: LlmProtocol;
  readonly model: string;
  /** What stands in the system role. */
  readonly system: string;
  /** What stands in the user role. */
  readonly user: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Readonly<Record<string, unknown>>;
};

export type LlmReply =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'error'; readonly status: number; readonly message: string }
  /** Takes the request and never answers. */
  | { readonly kind: 'silence' };

export type LlmServer = {
  /** With `/v1` at its end. */
  readonly baseUrl: string;
  readonly requests: readonly LlmRequest[];
  reply: (request: LlmRequest) => LlmReply;
  close(): Promise<void>;
};

export const usage = { inputTokens: 321, outputTokens: 123 };

const protocols: Readonly<Record<string, LlmProtocol>> = {
  '/v1/responses': 'openai-responses',
  '/v1/chat/completions': 'openai-chat',
  '/v1/messages': 'anthropic-messages',
};

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The text of a message's content, which is a string or a list of parts. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (isRecord(part) && typeof part.text === 'string' ? part.text : '')).join('');
}

function readRequest(protocol: LlmProtocol, headers: IncomingMessage['headers'], body: Record<string, unknown>): LlmRequest {
  const list = protocol === 'openai-responses' ? body.input : body.messages;
  const messages = (Array.isArray(list) ? list : []).filter(isRecord);
  const ofRole = (...roles: string[]) =>
    messages
      .filter(({ role }) => roles.includes(String(role)))
      .map(({ content }) => textOf(content))
      .join('\n');
  const system = [textOf(body.system), textOf(body.instructions), ofRole('system', 'developer')].filter((text) => text !== '').join('\n');
  return { protocol, model: String(body.model), system, user: ofRole('user'), headers, body };
}

function answerOf({ protocol, model }: LlmRequest, text: string): object {
  const { inputTokens, outputTokens } = usage;
  switch (protocol) {
    case 'openai-responses':
      return {
        id: 'resp_1',
        object: 'response',
        created_at: 1_700_000_000,
        status: 'completed',
        model,
        output: [
          {
            type: 'message',
            id: 'msg_1',
            role: 'assistant',
            status: 'completed',
            content: [{ type: 'output_text', text, annotations: [] }],
          },
        ],
        usage: { input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: inputTokens + outputTokens },
      };
    case 'openai-chat':
      return {
        id: 'chatcmpl-1',
        object: 'chat.completion',
        created: 1_700_000_000,
        model,
        choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
        usage: { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens },
      };
    case 'anthropic-messages':
      return {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model,
        content: [{ type: 'text', text }],
        stop_reason: 'end_turn',
        stop_sequence: null,
        usage: { input_tokens: inputTokens, output_tokens: outputTokens },
      };
  }
}

function errorOf({ protocol }: LlmRequest, message: string): object {
  if (protocol === 'anthropic-messages') return { type: 'error', error: { type: 'api_error', message } };
  return { error: { message, type: 'api_error', code: null, param: null } };
}

function send(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const value: unknown = JSON.parse(text === '' ? '{}' : text);
  return isRecord(value) ? value : {};
}

/** A server on loopback that speaks the protocols of OpenAI (responses, chat completions, models) and of Anthropic (messages). */
export async function createLlmServer(reply: LlmServer['reply']): Promise<LlmServer> {
  const requests: LlmRequest[] = [];
  const state = { reply };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split('?')[0] ?? '';
    if (path === '/v1/models') return send(response, 200, { object: 'list', data: [{ id: 'house-model', object: 'model' }] });
    const protocol = protocols[path];
    if (protocol === undefined) return send(response, 404, { error: { message: `no such path: ${path}` } });
    const read = readRequest(protocol, request.headers, await readJson(request));
    requests.push(read);
    const answer = state.reply(read);
    if (answer.kind === 'text') send(response, 200, answerOf(read, answer.text));
    if (answer.kind === 'error') send(response, answer.status, errorOf(read, answer.message));
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    get reply() {
      return state.reply;
    },
    set reply(next) {
      state.reply = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
