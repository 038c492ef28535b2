import path from 'node:path';
import { type Variable, type VariableName, variables } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type Config = {
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly maxBodyBytes: number;
    readonly trustedProxies: readonly string[];
  };
  readonly site: { readonly baseUrl: string; readonly title: string; readonly tagline: string; readonly language: string };
  readonly database: { readonly url: string | undefined; readonly poolSize: number; readonly statementTimeoutMs: number };
  readonly dataDir: string;
  readonly mail: {
    readonly smtpUrl: string;
    /** True when no SMTP_URL was given: mail goes to the embedded mailbox. */
    readonly isMailbox: boolean;
    readonly mailboxPort: number;
    readonly from: string;
    readonly postalAddress: string;
  };
  readonly sample: { readonly isOn: boolean; readonly webPort: number };
  readonly packDir: string;
  readonly crawl: { readonly userAgent: string; readonly allowedPrivateHosts: readonly string[] };
  readonly appSecret: string | undefined;
  readonly providers: {
    readonly openaiApiKey?: string;
    readonly anthropicApiKey?: string;
    readonly googleApiKey?: string;
    readonly ollamaBaseUrl?: string;
    readonly openaiCompatible?: { readonly baseUrl: string; readonly apiKey?: string };
    readonly model?: string;
  };
  readonly log: { readonly level: string; readonly format: 'json' | 'pretty' };
};

/** The process's own environment; read here and nowhere else. */
export const loadEnvironment = (): Environment => process.env;

/** All that is wrong with the configuration, a line each. */
export class ConfigError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

const projectRoot = path.resolve(import.meta.dirname, '../..');

export function describeAccepted({ kind }: Variable): string {
  switch (kind.type) {
    case 'integer':
      return `a whole number from ${kind.min} to ${kind.max}`;
    case 'choice':
      return `one of ${kind.choices.join(', ')}`;
    case 'url':
      return `a URL that starts with ${kind.protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
    case 'list':
      return 'a comma-separated list';
    case 'text':
      return kind.accepts ?? 'any text';
  }
}

function isAccepted({ kind }: Variable, value: string): boolean {
  switch (kind.type) {
    case 'integer':
      return /^\d+$/.test(value) && Number(value) >= kind.min && Number(value) <= kind.max;
    case 'choice':
      return kind.choices.includes(value);
    case 'url':
      return URL.canParse(value) && kind.protocols.includes(new URL(value).protocol) && !/[\s"<>]/.test(value);
    case 'list':
      return true;
    case 'text':
      return kind.pattern?.test(value) ?? true;
  }
}

type Values = Readonly<Record<VariableName, string>>;

function readValues(environment: Environment): { values: Values; faults: string[] } {
  const faults: string[] = [];
  const values: Partial<Record<VariableName, string>> = {};
  for (const [name, variable] of Object.entries(variables) as [VariableName, Variable][]) {
    const given = environment[name]?.trim() ?? '';
    values[name] = given === '' ? variable.default : given;
    if (given === '' || isAccepted(variable, given)) continue;
    const shown = variable.isSecret ? 'the value given (not shown)' : `"${given}"`;
    const flag = variable.flag === undefined ? '' : ` (${variable.flag})`;
    faults.push(`${name}${flag}: ${shown} is not accepted; give ${describeAccepted(variable)}.`);
  }
  return { values: values as Values, faults };
}

const listOf = (value: string): string[] =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

function detectLogFormat(format: string): 'json' | 'pretty' {
  if (format === 'json' || format === 'pretty') return format;
  return process.stdout.isTTY === true ? 'pretty' : 'json';
}

function providersOf(values: Values): Config['providers'] {
  return {
    ...(values.OPENAI_API_KEY && { openaiApiKey: values.OPENAI_API_KEY }),
    ...(values.ANTHROPIC_API_KEY && { anthropicApiKey: values.ANTHROPIC_API_KEY }),
    ...(values.GOOGLE_GENERATIVE_AI_API_KEY && { googleApiKey: values.GOOGLE_GENERATIVE_AI_API_KEY }),
    ...(values.OLLAMA_BASE_URL && { ollamaBaseUrl: values.OLLAMA_BASE_URL }),
    ...(values.OPENAI_COMPATIBLE_BASE_URL && {
      openaiCompatible: {
        baseUrl: values.OPENAI_COMPATIBLE_BASE_URL,
        ...(values.OPENAI_COMPATIBLE_API_KEY && { apiKey: values.OPENAI_COMPATIBLE_API_KEY }),
      },
    }),
    ...(values.LLM_MODEL && { model: values.LLM_MODEL }),
  };
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}

/**
 * The whole configuration, frozen.
 * @throws ConfigError that names every fault at once, `otherFaults` (of the command line) first
 */
export function loadConfig(environment: Environment = loadEnvironment(), otherFaults: readonly string[] = []): Config {
  const { values, faults } = readValues(environment);
  const usesEmbedded = values.DATABASE_URL === '';
  const isSampleOn = values.SAMPLE === 'on' || (values.SAMPLE === 'auto' && usesEmbedded);
  const ports = [
    ['PORT', values.PORT],
    ...(values.SMTP_URL === '' ? [['MAILBOX_PORT', values.MAILBOX_PORT]] : []),
    ...(isSampleOn ? [['SAMPLE_WEB_PORT', values.SAMPLE_WEB_PORT]] : []),
  ];
  for (const [index, [name, value]] of ports.entries()) {
    const twin = ports.slice(0, index).find(([, other]) => other === value);
    if (twin !== undefined) faults.push(`${name}: ${value} is the value of ${twin[0]} too; each needs a port of its own.`);
  }
  if (otherFaults.length + faults.length > 0) throw new ConfigError([...otherFaults, ...faults]);

  return deepFreeze<Config>({
    http: {
      host: values.HOST,
      port: Number(values.PORT),
      maxBodyBytes: Number(values.HTTP_MAX_BODY_BYTES),
      trustedProxies: listOf(values.TRUSTED_PROXIES),
    },
    site: {
      baseUrl: (values.BASE_URL || `http://localhost:${values.PORT}`).replace(/\/+$/, ''),
      title: values.SITE_TITLE,
      tagline: values.SITE_TAGLINE,
      language: values.SITE_LANGUAGE,
    },
    database: {
      url: values.DATABASE_URL || undefined,
      poolSize: Number(values.DATABASE_POOL_SIZE),
      statementTimeoutMs: Number(values.DATABASE_STATEMENT_TIMEOUT_MS),
    },
    dataDir: path.resolve(projectRoot, values.DATA_DIR),
    mail: {
      smtpUrl: values.SMTP_URL || `smtp://127.0.0.1:${values.MAILBOX_PORT}`,
      isMailbox: values.SMTP_URL === '',
      mailboxPort: Number(values.MAILBOX_PORT),
      from: values.MAIL_FROM,
      postalAddress: values.POSTAL_ADDRESS,
    },
    sample: { isOn: isSampleOn, webPort: Number(values.SAMPLE_WEB_PORT) },
    packDir: path.resolve(projectRoot, values.PACK_DIR),
    crawl: {
      userAgent: values.CRAWL_USER_AGENT,
      allowedPrivateHosts: [
        ...listOf(values.CRAWL_ALLOWED_PRIVATE_HOSTS),
        ...(isSampleOn ? [`*.localhost:${values.SAMPLE_WEB_PORT}`] : []),
      ],
    },
    appSecret: values.APP_SECRET || undefined,
    providers: providersOf(values),
    log: { level: values.LOG_LEVEL, format: detectLogFormat(values.LOG_FORMAT) },
  });
}

/** Every variable with its effective value, for a person to read: secrets show only whether they are set. */
export function describeConfig(environment: Environment = loadEnvironment()): { name: string; value: string; isDefault: boolean }[] {
  const { values } = readValues(environment);
  return (Object.entries(variables) as [VariableName, Variable][]).map(([name, variable]) => {
    const isDefault = (environment[name] ?? '').trim() === '';
    const value = variable.isSecret && values[name] !== '' ? '•••••• (set)' : values[name];
    return { name, value, isDefault };
  });
}
