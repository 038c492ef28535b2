/** A request was written, declined or failed. Payload: { requestId, status }. */
export const generationFinished = 'generation.finished';
