export { type AiProcessor, type AiProcessorDependencies, createAiProcessor } from './ai-processor-service.ts';
export { briefsOf, type KeyedBrief } from './briefs.ts';
export type { Brief, BriefHeading, GenerationRequest, GenerationStatus } from './generation-types.ts';
export type { ProviderConfig } from './llm/index.ts';
