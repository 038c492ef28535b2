import { type Queryable, sql } from '#platform/database';

export type LlmCallStatus = 'done' | 'rate_limited' | 'timed_out' | 'unreachable' | 'server_error' | 'refused' | 'bad_output' | 'aborted';

export type LlmCall = {
  readonly id: string;
  readonly requestId: string | null;
  readonly provider: string;
  readonly model: string;
  readonly purpose: string;
  readonly status: LlmCallStatus;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly durationMs: number;
  /** Neither keys nor prompts. */
  readonly error: string | null;
  readonly calledAt: Date;
};

export async function insertLlmCall(database: Queryable, call: LlmCall): Promise<void> {
  await database.execute(
    'llm-calls.insert',
    sql`insert into llm_calls (id, request_id, provider, model, purpose, status, input_tokens, output_tokens, duration_ms, error, called_at)
        values (${call.id}, ${call.requestId}::uuid, ${call.provider}, ${call.model}, ${call.purpose}, ${call.status}, ${call.inputTokens},
                ${call.outputTokens}, ${call.durationMs}, ${call.error}, ${call.calledAt})`,
  );
}
