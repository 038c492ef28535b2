/** Keys and addresses of the providers that may write. The base URLs of the first three are for gateways; their own are the default. */
export type ProviderConfig = {
  readonly openaiApiKey?: string;
  readonly openaiBaseUrl?: string;
  readonly anthropicApiKey?: string;
  readonly anthropicBaseUrl?: string;
  readonly googleApiKey?: string;
  readonly googleBaseUrl?: string;
  /** Without `/v1`. */
  readonly ollamaBaseUrl?: string;
  readonly openaiCompatible?: { readonly baseUrl: string; readonly apiKey?: string };
  /** `<provider>/<model>`: this provider first, with this model. */
  readonly model?: string;
};

export type ProviderName = 'openai' | 'anthropic' | 'google' | 'ollama' | 'openai-compatible';

export type LlmRoute = {
  readonly provider: ProviderName;
  /** Null: whichever the server lists first, since only it knows what it has. */
  readonly model: string | null;
  readonly baseUrl: string | undefined;
  readonly apiKey: string | undefined;
};

const defaultModels = { openai: 'gpt-5-mini', anthropic: 'claude-sonnet-5', google: 'gemini-flash-latest' } as const;

/** The providers that are set, in the order in which they are asked. */
export function listRoutes(config: ProviderConfig): LlmRoute[] {
  const routes: LlmRoute[] = [];
  if (config.openaiApiKey !== undefined) {
    routes.push({ provider: 'openai', model: defaultModels.openai, baseUrl: config.openaiBaseUrl, apiKey: config.openaiApiKey });
  }
  if (config.anthropicApiKey !== undefined) {
    const { anthropicBaseUrl: baseUrl, anthropicApiKey: apiKey } = config;
    routes.push({ provider: 'anthropic', model: defaultModels.anthropic, baseUrl, apiKey });
  }
  if (config.googleApiKey !== undefined) {
    routes.push({ provider: 'google', model: defaultModels.google, baseUrl: config.googleBaseUrl, apiKey: config.googleApiKey });
  }
  if (config.ollamaBaseUrl !== undefined) {
    routes.push({ provider: 'ollama', model: null, baseUrl: `${config.ollamaBaseUrl.replace(/\/+$/, '')}/v1`, apiKey: undefined });
  }
  if (config.openaiCompatible !== undefined) {
    const { baseUrl, apiKey } = config.openaiCompatible;
    routes.push({ provider: 'openai-compatible', model: null, baseUrl: baseUrl.replace(/\/+$/, ''), apiKey });
  }
  return putNamedFirst(routes, config.model);
}

function putNamedFirst(routes: readonly LlmRoute[], named: string | undefined): LlmRoute[] {
  const [, provider, model] = /^([^/]+)\/(.+)$/.exec(named ?? '') ?? [];
  const first = routes.find((route) => route.provider === provider);
  if (first === undefined || model === undefined) return [...routes];
  return [{ ...first, model }, ...routes.filter((route) => route !== first)];
}

/** `host:port` of each provider with an address of its own: it is the operator's, and may well be on this machine or its network. */
export function listProviderHosts(config: ProviderConfig): string[] {
  return listRoutes(config).flatMap(({ baseUrl }) => {
    if (baseUrl === undefined || !URL.canParse(baseUrl)) return [];
    const { hostname, port, protocol } = new URL(baseUrl);
    return [`${hostname}:${port === '' ? (protocol === 'https:' ? 443 : 80) : port}`];
  });
}

/** True when `model` names a provider that is not set: then it says nothing. */
export function namesUnsetProvider(config: ProviderConfig): boolean {
  return config.model !== undefined && !listRoutes(config).some(({ provider }) => config.model?.startsWith(`${provider}/`));
}
