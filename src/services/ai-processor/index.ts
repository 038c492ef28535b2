export { type AiProcessor, type AiProcessorDependencies, createAiProcessor } from './ai-processor-service.ts';
export { briefsOf, type KeyedBrief } from './briefs.ts';
export { composeDraft } from './compose-draft.ts';
export type { Brief, BriefHeading, GenerationRequest, GenerationStatus, RawContent } from './generation-types.ts';
export { listProviderHosts, type ProviderConfig } from './llm/index.ts';
export type { AskedBrief } from './request-generations.ts';
