export type { ArticleOutput } from './article-output.ts';
export { buildPrompt, type House } from './prompt.ts';
export { listProviderHosts, listRoutes, namesUnsetProvider, type ProviderConfig } from './provider-config.ts';
export { createLlmRouter, type LlmRouter } from './router.ts';
