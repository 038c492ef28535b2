import type { AiProcessor, AskedBrief, GenerationRequest } from '#services/ai-processor';
import { AppError } from '#shared/errors';

/** For whoever needs all of them. @throws AppError of the first that was refused; the others are queued all the same */
export async function requestDrafts(
  { requestGenerations }: Pick<AiProcessor, 'requestGenerations'>,
  asked: readonly AskedBrief[],
  actor: string,
): Promise<GenerationRequest[]> {
  const outcomes = await requestGenerations(asked, { actor });
  return outcomes.map((outcome) => {
    if (outcome.kind === 'done') return outcome.value;
    const { code, message, retryable } =
      outcome.kind === 'failed' ? outcome.error : { code: 'generation_called_off', message: 'It was called off.', retryable: true };
    throw new AppError(code, message, { retryable });
  });
}
