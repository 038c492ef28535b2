import path from 'node:path';
import type { BounceSettings } from '#services/distributor';
import { type HostLimits, parseHostLimits } from '#shared/mail-host-limits';
import { parseTransports, type TransportSettings } from '#shared/mail-transports';
import { bouncesOf } from './bounce-config.ts';
import { type Variable, type VariableName, variables } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type Config = {
  readonly environment: 'development' | 'staging' | 'production';
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly maxBodyBytes: number;
    readonly trustedProxies: readonly string[];
  };
  readonly site: { readonly baseUrl: string; readonly title: string; readonly tagline: string; readonly language: string };
  readonly database: {
    readonly url: string | undefined;
    readonly replicaUrls: readonly string[];
    /** The addresses lead to PgBouncer in transaction mode. */
    readonly isPooled: boolean;
    readonly directUrl: string | undefined;
    /** By ENVIRONMENT unless given. */
    readonly poolBase: number | undefined;
    readonly poolBurst: number | undefined;
    readonly acquireTimeoutMs: number;
    readonly connectTimeoutMs: number;
    readonly connectionLifetimeS: number;
    readonly heldWarningMs: number;
    readonly statementTimeoutMs: number;
    readonly lockTimeoutMs: number;
    readonly idleInTransactionTimeoutMs: number;
    readonly workMemMb: number;
    readonly slowQueryMs: number;
    readonly maxReplicaLagMs: number;
  };
  readonly redisUrl: string | undefined;
  readonly eventsDriver: 'postgres' | 'redis';
  readonly hasRateLimits: boolean;
  readonly loadShedding: { readonly maxLagMs: number; readonly maxMemoryBytes: number };
  readonly storage:
    | { readonly kind: 'folder'; readonly folder: string }
    | {
        readonly kind: 's3';
        readonly bucket: string;
        readonly endpoint?: string;
        readonly region: string;
        readonly isPathStyle: boolean;
        readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
      };
  /** How many requests to a model provider are made together, by its name; `default` for the others. */
  readonly batchSizes: Readonly<Record<string, number>>;
  readonly dataDir: string;
  readonly mail: {
    readonly transports: readonly TransportSettings[];
    readonly hostLimits: HostLimits;
    readonly dkimKeys: readonly { readonly domain: string; readonly selector: string; readonly path: string }[];
    /** True when no SMTP_URL was given: mail goes to the embedded mailbox. */
    readonly isMailbox: boolean;
    readonly mailboxPort: number;
    readonly from: string;
    readonly postalAddress: string;
  };
  /** Hosts that a subscription form may send its readers to, in lower case. */
  readonly formRedirectHosts: readonly string[];
  readonly bounces: BounceSettings;
  /** Undefined when no account is connected. */
  readonly instagram: { readonly accountId: string; readonly accessToken: string; readonly apiUrl: string } | undefined;
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
    case 'urls':
      return `URLs that start with ${kind.protocols.map((protocol) => `${protocol}//`).join(' or ')}, comma-separated`;
    case 'list':
      return 'a comma-separated list';
    case 'text':
      return kind.accepts ?? 'any text';
  }
}

const listOf = (value: string): string[] =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

const isUrlOf = (protocols: readonly string[], value: string): boolean =>
  URL.canParse(value) && protocols.includes(new URL(value).protocol) && !/[\s"<>]/.test(value);

function isAccepted({ kind }: Variable, value: string): boolean {
  switch (kind.type) {
    case 'integer':
      return /^\d+$/.test(value) && Number(value) >= kind.min && Number(value) <= kind.max;
    case 'choice':
      return kind.choices.includes(value);
    case 'url':
      return isUrlOf(kind.protocols, value);
    case 'urls':
      return listOf(value).every((part) => isUrlOf(kind.protocols, part));
    case 'list':
      return true;
    case 'text':
      return (kind.pattern?.test(value) ?? true) && (kind.isAccepted?.(value) ?? true);
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

const numberOrUndefined = (value: string): number | undefined => (value === '' ? undefined : Number(value));

function databaseOf(values: Values): Config['database'] {
  return {
    url: values.DATABASE_URL || undefined,
    replicaUrls: listOf(values.DATABASE_REPLICA_URLS),
    isPooled: values.DATABASE_POOLER === 'pgbouncer',
    directUrl: values.DATABASE_DIRECT_URL || undefined,
    poolBase: numberOrUndefined(values.DATABASE_POOL_SIZE),
    poolBurst: numberOrUndefined(values.DATABASE_POOL_BURST),
    acquireTimeoutMs: Number(values.DATABASE_ACQUIRE_TIMEOUT_MS),
    connectTimeoutMs: Number(values.DATABASE_CONNECT_TIMEOUT_MS),
    connectionLifetimeS: Number(values.DATABASE_CONNECTION_LIFETIME_S),
    heldWarningMs: Number(values.DATABASE_HELD_WARNING_MS),
    statementTimeoutMs: Number(values.DATABASE_STATEMENT_TIMEOUT_MS),
    lockTimeoutMs: Number(values.DATABASE_LOCK_TIMEOUT_MS),
    idleInTransactionTimeoutMs: Number(values.DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS),
    workMemMb: Number(values.DATABASE_WORK_MEM_MB),
    slowQueryMs: Number(values.DATABASE_SLOW_QUERY_MS),
    maxReplicaLagMs: Number(values.DATABASE_MAX_REPLICA_LAG_MS),
  };
}

function storageOf(values: Values, dataDir: string): Config['storage'] {
  if (values.STORAGE === 'folder') return { kind: 'folder', folder: path.resolve(dataDir, values.STORAGE_DIR || 'objects') };
  return {
    kind: 's3',
    bucket: values.S3_BUCKET,
    ...(values.S3_ENDPOINT && { endpoint: values.S3_ENDPOINT }),
    region: values.S3_REGION,
    isPathStyle: values.S3_PATH_STYLE === 'on',
    ...(values.S3_ACCESS_KEY_ID && {
      credentials: { accessKeyId: values.S3_ACCESS_KEY_ID, secretAccessKey: values.S3_SECRET_ACCESS_KEY },
    }),
  };
}

/** Settings that are fine by themselves and make no sense together. */
function findContradictions(values: Values): string[] {
  const faults: string[] = [];
  const needs = (isNeeded: boolean, name: VariableName, why: string) => {
    if (isNeeded && values[name] === '') faults.push(`${name}: needed ${why}.`);
  };
  needs(values.DATABASE_REPLICA_URLS !== '', 'DATABASE_URL', 'with DATABASE_REPLICA_URLS: the server that they follow');
  needs(values.DATABASE_POOLER === 'pgbouncer', 'DATABASE_URL', 'with DATABASE_POOLER=pgbouncer: the address of the pooler');
  needs(values.DATABASE_POOLER === 'pgbouncer', 'DATABASE_DIRECT_URL', 'with DATABASE_POOLER=pgbouncer: the primary past the pooler');
  needs(values.EVENTS_DRIVER === 'redis', 'REDIS_URL', 'with EVENTS_DRIVER=redis');
  needs(values.STORAGE === 's3', 'S3_BUCKET', 'with STORAGE=s3');
  needs(values.BOUNCE_MAILBOX_URL !== '', 'BOUNCE_ADDRESS', 'with BOUNCE_MAILBOX_URL: the address whose mail is read there');
  needs(values.BOUNCE_LISTENER_PORT !== '0', 'BOUNCE_ADDRESS', 'with BOUNCE_LISTENER_PORT: the address whose mail is taken there');
  needs(values.INSTAGRAM_ACCOUNT_ID !== '', 'INSTAGRAM_ACCESS_TOKEN', 'with INSTAGRAM_ACCOUNT_ID');
  needs(values.INSTAGRAM_ACCESS_TOKEN !== '', 'INSTAGRAM_ACCOUNT_ID', 'with INSTAGRAM_ACCESS_TOKEN');
  needs(values.S3_ACCESS_KEY_ID !== '', 'S3_SECRET_ACCESS_KEY', 'with S3_ACCESS_KEY_ID');
  return faults;
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}

/**
 * The whole configuration, frozen.
 * @throws ConfigError that names every fault at once, `otherFaults` (of the command line) first
 */
/** `selector@domain=file`, comma-separated. */
function parseDkimKeys(text: string): Config['mail']['dkimKeys'] {
  return text.split(',').flatMap((entry) => {
    const [, selector, domain, file] = /^([^@]+)@([^=]+)=(.+)$/.exec(entry) ?? [];
    return selector === undefined || domain === undefined || file === undefined
      ? []
      : [{ selector, domain, path: path.resolve(projectRoot, file) }];
  });
}

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
  faults.push(...findContradictions(values));
  const mailTransports = parseTransports(values.SMTP_URL || `smtp://127.0.0.1:${values.MAILBOX_PORT}`);
  const mailHostLimits = parseHostLimits(values.MAIL_HOST_LIMITS);
  faults.push(...(values.SMTP_URL === '' ? [] : mailTransports.faults), ...mailHostLimits.faults);
  if (otherFaults.length + faults.length > 0) throw new ConfigError([...otherFaults, ...faults]);

  const dataDir = path.resolve(projectRoot, values.DATA_DIR);
  return deepFreeze<Config>({
    environment: values.ENVIRONMENT as Config['environment'],
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
    database: databaseOf(values),
    redisUrl: values.REDIS_URL || undefined,
    eventsDriver: values.EVENTS_DRIVER as Config['eventsDriver'],
    hasRateLimits: values.RATE_LIMITS === 'on',
    loadShedding: {
      maxLagMs: Number(values.LOAD_SHEDDING_LAG_MS),
      maxMemoryBytes: Number(values.LOAD_SHEDDING_MEMORY_MB) * 1024 * 1024,
    },
    storage: storageOf(values, dataDir),
    batchSizes: Object.fromEntries(
      listOf(values.PROVIDER_BATCH_SIZES)
        .map((pair) => pair.split('='))
        .map(([provider, size]) => [provider, Number(size)]),
    ),
    dataDir,
    mail: {
      transports: mailTransports.transports,
      hostLimits: mailHostLimits.limits,
      dkimKeys: parseDkimKeys(values.DKIM_KEYS),
      isMailbox: values.SMTP_URL === '',
      mailboxPort: Number(values.MAILBOX_PORT),
      from: values.MAIL_FROM,
      postalAddress: values.POSTAL_ADDRESS,
    },
    formRedirectHosts: listOf(values.FORM_REDIRECT_HOSTS).map((host) => host.toLowerCase()),
    bounces: bouncesOf(values),
    instagram:
      values.INSTAGRAM_ACCOUNT_ID === ''
        ? undefined
        : {
            accountId: values.INSTAGRAM_ACCOUNT_ID,
            accessToken: values.INSTAGRAM_ACCESS_TOKEN,
            apiUrl: values.INSTAGRAM_API_URL.replace(/\/+$/, ''),
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
