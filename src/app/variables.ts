import { acceptedRedisUrls, parseRedisUrl } from '#shared/redis-url';

/** What a variable accepts. The same table makes the configuration, the faults and the reference in docs/configuration.md. */
export type Kind =
  | {
      readonly type: 'text';
      readonly pattern?: RegExp;
      readonly accepts?: string;
      /** Asked besides the pattern. */
      readonly isAccepted?: (value: string) => boolean;
    }
  | { readonly type: 'integer'; readonly min: number; readonly max: number }
  | { readonly type: 'choice'; readonly choices: readonly string[] }
  | { readonly type: 'url'; readonly protocols: readonly string[] }
  | { readonly type: 'list' }
  | { readonly type: 'urls'; readonly protocols: readonly string[] };

export type Variable = {
  readonly kind: Kind;
  readonly default: string;
  readonly description: string;
  readonly flag?: string;
  readonly isSecret?: boolean;
};

const port = { type: 'integer', min: 1, max: 65_535 } as const;
const http = { type: 'url', protocols: ['http:', 'https:'] } as const;
const postgres = { type: 'url', protocols: ['postgres:', 'postgresql:'] } as const;
const secret = { type: 'text' } as const;

/** Empty defaults mean "not set". */
export const variables = {
  ENVIRONMENT: {
    kind: { type: 'choice', choices: ['development', 'staging', 'production'] },
    default: 'development',
    description: 'How many connections to the database a process may open, unless that is set.',
  },
  PORT: { kind: port, default: '8000', flag: '--port', description: 'Port of the site and the API.' },
  HOST: {
    kind: { type: 'text', pattern: /^[\w.:-]+$/, accepts: 'an address or host name' },
    default: '127.0.0.1',
    flag: '--host',
    description: 'Address to listen on. 0.0.0.0 listens on every interface.',
  },
  BASE_URL: {
    kind: http,
    default: '',
    description: 'Public address of the site, as it stands in links, feeds and mails. Default: http://localhost:PORT.',
  },
  SITE_TITLE: { kind: { type: 'text' }, default: 'Greenwater Digest', description: 'Name of the publication.' },
  SITE_TAGLINE: {
    kind: { type: 'text' },
    default: 'The planted aquarium, from good sources',
    description: 'One line under the name.',
  },
  SITE_LANGUAGE: {
    kind: { type: 'text', pattern: /^[a-z]{2}(-[A-Z]{2})?$/, accepts: 'a language tag such as en or en-GB' },
    default: 'en',
    description: 'Language of the site.',
  },
  DATA_DIR: {
    kind: { type: 'text' },
    default: 'data',
    flag: '--data-dir',
    description: 'Folder of the embedded database. Not used when DATABASE_URL is set.',
  },
  DATABASE_URL: {
    kind: postgres,
    default: '',
    flag: '--database-url',
    isSecret: true,
    description: 'PostgreSQL 16 or newer to use instead of the embedded one.',
  },
  DATABASE_REPLICA_URLS: {
    kind: { type: 'urls', protocols: ['postgres:', 'postgresql:'] },
    default: '',
    isSecret: true,
    description: 'Streaming replicas of that server, or a load balancer over them: reads that need not be the latest go there.',
  },
  DATABASE_POOLER: {
    kind: { type: 'choice', choices: ['none', 'pgbouncer'] },
    default: 'none',
    description: 'pgbouncer: the addresses above lead to PgBouncer in transaction mode; then DATABASE_DIRECT_URL is needed too.',
  },
  DATABASE_DIRECT_URL: {
    kind: postgres,
    default: '',
    isSecret: true,
    description: 'The primary past the pooler, for migrations and notifications.',
  },
  DATABASE_POOL_SIZE: {
    kind: { type: 'integer', min: 1, max: 200 },
    default: '',
    description: 'Connections that one process keeps open to each server. Default: 5, 15 or 25 by ENVIRONMENT.',
  },
  DATABASE_POOL_BURST: {
    kind: { type: 'integer', min: 0, max: 400 },
    default: '',
    description: 'Connections that it may open beyond them for a while. Default: 10, 25 or 50 by ENVIRONMENT.',
  },
  DATABASE_ACQUIRE_TIMEOUT_MS: {
    kind: { type: 'integer', min: 100, max: 600_000 },
    default: '30000',
    description: 'How long a request waits for a free connection.',
  },
  DATABASE_CONNECT_TIMEOUT_MS: {
    kind: { type: 'integer', min: 100, max: 600_000 },
    default: '10000',
    description: 'How long the making of a connection may take.',
  },
  DATABASE_CONNECTION_LIFETIME_S: {
    kind: { type: 'integer', min: 60, max: 86_400 },
    default: '3600',
    description: 'A connection older than that is replaced, in seconds.',
  },
  DATABASE_HELD_WARNING_MS: {
    kind: { type: 'integer', min: 100, max: 3_600_000 },
    default: '30000',
    description: 'A connection that is held longer is logged, with where it was taken.',
  },
  DATABASE_STATEMENT_TIMEOUT_MS: {
    kind: { type: 'integer', min: 100, max: 3_600_000 },
    default: '60000',
    description: 'A statement that runs longer is cancelled, in milliseconds.',
  },
  DATABASE_LOCK_TIMEOUT_MS: {
    kind: { type: 'integer', min: 100, max: 3_600_000 },
    default: '10000',
    description: 'A statement that waits longer for a lock is cancelled, in milliseconds.',
  },
  DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS: {
    kind: { type: 'integer', min: 1000, max: 3_600_000 },
    default: '300000',
    description: 'A transaction that does nothing for longer is ended, in milliseconds.',
  },
  DATABASE_WORK_MEM_MB: {
    kind: { type: 'integer', min: 1, max: 4096 },
    default: '64',
    description: 'Memory of one sort or hash before it goes to disk, in MiB.',
  },
  DATABASE_SLOW_QUERY_MS: {
    kind: { type: 'integer', min: 1, max: 3_600_000 },
    default: '1000',
    description: 'A statement that takes longer is logged with its plan, in milliseconds.',
  },
  DATABASE_MAX_REPLICA_LAG_MS: {
    kind: { type: 'integer', min: 0, max: 3_600_000 },
    default: '30000',
    description: 'A replica that is further behind is passed over, in milliseconds.',
  },
  REDIS_URL: {
    kind: { type: 'text', accepts: acceptedRedisUrls, isAccepted: (value) => parseRedisUrl(value) !== undefined },
    default: '',
    isSecret: true,
    description: 'Redis 7 for what processes share: the second level of the cache and the rate limits. Not needed on one machine.',
  },
  EVENTS_DRIVER: {
    kind: { type: 'choice', choices: ['postgres', 'redis'] },
    default: 'postgres',
    description: 'What carries events to their subscribers: the database, or Redis Streams (needs REDIS_URL).',
  },
  RATE_LIMITS: {
    kind: { type: 'choice', choices: ['on', 'off'] },
    default: 'on',
    description: 'Limits of requests by key, address and route. off: something in front of the engine sets them.',
  },
  LOAD_SHEDDING_LAG_MS: {
    kind: { type: 'integer', min: 10, max: 60_000 },
    default: '200',
    description: 'Lag of the event loop beyond which expensive requests are refused with 503, in milliseconds.',
  },
  LOAD_SHEDDING_MEMORY_MB: {
    kind: { type: 'integer', min: 128, max: 1_048_576 },
    default: '2048',
    description: 'Resident memory of the API process beyond which expensive requests are refused with 503, in MiB.',
  },
  STORAGE: {
    kind: { type: 'choice', choices: ['folder', 's3'] },
    default: 'folder',
    description: 'Where uploaded and made files are kept: in STORAGE_DIR, or in S3_BUCKET.',
  },
  STORAGE_DIR: { kind: { type: 'text' }, default: '', description: 'Folder of the files. Default: objects in DATA_DIR.' },
  S3_BUCKET: {
    kind: { type: 'text', pattern: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, accepts: 'the name of a bucket' },
    default: '',
    description: 'Bucket of the files.',
  },
  S3_ENDPOINT: { kind: http, default: '', description: 'Server that speaks the protocol of S3. Default: the one of AWS in S3_REGION.' },
  S3_REGION: {
    kind: { type: 'text', pattern: /^[\w-]{1,64}$/, accepts: 'the name of a region' },
    default: 'us-east-1',
    description: 'Region of the bucket.',
  },
  S3_PATH_STYLE: {
    kind: { type: 'choice', choices: ['on', 'off'] },
    default: 'off',
    description: 'on: the bucket stands in the path, as MinIO and others want it, not in the host name.',
  },
  S3_ACCESS_KEY_ID: {
    kind: secret,
    default: '',
    isSecret: true,
    description: 'Key to the bucket. Default: what the machine has been given.',
  },
  S3_SECRET_ACCESS_KEY: { kind: secret, default: '', isSecret: true, description: 'Its secret.' },
  PROVIDER_BATCH_SIZES: {
    kind: {
      type: 'text',
      pattern: /^[a-z][\w-]*=\d{1,3}(,[a-z][\w-]*=\d{1,3})*$/,
      accepts: 'provider=size, comma-separated, e.g. openai=5,default=3',
    },
    default: 'openai=5,default=3',
    description: 'How many drafts that are asked for together are queued in one go, by the provider that writes them (`extractive`: none).',
  },
  SMTP_URL: {
    kind: { type: 'text' },
    default: '',
    isSecret: true,
    description:
      'Mail server, e.g. smtps://user:password@mail.example.com:465, or several, comma-separated, each with parameters: name, weight, domains, provider, configuration-set, connections, pipelining, per-second, per-minute, per-hour, per-day, warm-up. Default: the embedded mailbox, which delivers to nobody.',
  },
  MAIL_HOST_LIMITS: {
    kind: { type: 'text' },
    default: '',
    description:
      'Most mails to a recipient mail host, by all processes together: e.g. gmail.com=20/s,outlook.com=10/s+5000/h,*=50/s; * stands for each host that is not named.',
  },
  DKIM_KEYS: {
    kind: {
      type: 'text',
      pattern: /^[a-z0-9.-]+@[a-z0-9.-]+=[^,]+(,[a-z0-9.-]+@[a-z0-9.-]+=[^,]+)*$/,
      accepts: 'selector@domain=file, comma-separated',
    },
    default: '',
    description:
      'Keys that sign mails of their domains (DKIM), e.g. news2026@example.com=/etc/aquascene/dkim.pem; RSA or Ed25519, in PEM. Several of a domain all sign.',
  },
  MAIL_FROM: {
    kind: { type: 'text', pattern: /^[^\r\n]+@[^\r\n]+$/, accepts: 'an address, or a name and an address in angle brackets' },
    default: 'Greenwater Digest <digest@aquascene.example>',
    description: 'Sender of every mail.',
  },
  BOUNCE_ADDRESS: {
    kind: { type: 'text', pattern: /^[\w.-]{1,8}@[\w.-]+$/, accepts: 'an address with at most 8 characters before its @' },
    default: '',
    description:
      'Mail that comes back comes to it, as address+<delivery>@domain. Default: the sender, and bounces are heard of by webhooks only.',
  },
  BOUNCE_MAILBOX_URL: {
    kind: { type: 'url', protocols: ['imap:', 'imaps:', 'pop3:', 'pop3s:'] },
    default: '',
    isSecret: true,
    description: 'Mailbox that mail to BOUNCE_ADDRESS is read from, e.g. imaps://user:password@mail.example.com/INBOX.',
  },
  BOUNCE_LISTENER_PORT: {
    kind: { ...port, min: 0 },
    default: '0',
    description: 'SMTP port on which mail to BOUNCE_ADDRESS is taken by the engine itself, in the role distributor; 0: none.',
  },
  BOUNCE_LISTENER_HOST: { kind: { type: 'text' }, default: '0.0.0.0', description: 'Address that it listens on.' },
  MAIL_WEBHOOK_SECRETS: {
    kind: {
      type: 'text',
      pattern: /^(ses|sendgrid|postmark|mailgun)=[^\s,]+(,(ses|sendgrid|postmark|mailgun)=[^\s,]+)*$/,
      accepts: 'provider=secret, comma-separated',
    },
    default: '',
    isSecret: true,
    description:
      'What the webhooks of mail providers at /hooks/mail/<provider> are checked by: ses=<ARN of the SNS topic>, sendgrid=<public key>, postmark=<user:password>, mailgun=<signing key>.',
  },
  INSTAGRAM_ACCOUNT_ID: {
    kind: { type: 'text', pattern: /^\d{1,30}$/, accepts: 'the number of a professional account' },
    default: '',
    description: 'Instagram account that posts are published to; needs INSTAGRAM_ACCESS_TOKEN.',
  },
  INSTAGRAM_ACCESS_TOKEN: { kind: secret, default: '', isSecret: true, description: 'Long-lived access token of that account.' },
  INSTAGRAM_API_URL: {
    kind: http,
    default: 'https://graph.instagram.com/v24.0',
    description: "Instagram's Graph API, with its version.",
  },
  POSTAL_ADDRESS: {
    kind: { type: 'text' },
    default: '',
    description: 'Postal address in the footer of newsletters; the law of many countries asks for it.',
  },
  FORM_REDIRECT_HOSTS: {
    kind: { type: 'list' },
    default: '',
    description: 'Hosts that a subscription form may send its readers to after they subscribed, comma-separated.',
  },
  MAILBOX_PORT: {
    kind: port,
    default: '8025',
    flag: '--mailbox-port',
    description: 'SMTP port of the embedded mailbox, on loopback only.',
  },
  SAMPLE: {
    kind: { type: 'choice', choices: ['auto', 'on', 'off'] },
    default: 'auto',
    flag: '--sample',
    description: 'The sample workspace on the first start: auto loads it when the embedded database is used.',
  },
  SAMPLE_WEB_PORT: {
    kind: port,
    default: '8020',
    flag: '--sample-web-port',
    description: 'Port of the sample web, on loopback only.',
  },
  PACK_DIR: { kind: { type: 'text' }, default: 'packs/aquascaping', description: 'Folder of the subject pack.' },
  CRAWL_USER_AGENT: {
    kind: { type: 'text', pattern: /^[\w./();:+,@ -]+$/, accepts: 'a product name, version and contact' },
    default: 'AquaSceneBot/0.1 (+https://aquascene.example/bot)',
    description: 'What the crawler calls itself. robots.txt groups are matched by its first word.',
  },
  CRAWL_ALLOWED_PRIVATE_HOSTS: {
    kind: { type: 'list' },
    default: '',
    description: 'Private hosts that may be crawled all the same, comma-separated: host, host:port or *.suffix:port.',
  },
  APP_SECRET: {
    kind: { type: 'text', pattern: /^.{32,}$/s, accepts: 'at least 32 characters' },
    default: '',
    isSecret: true,
    description:
      'Signs links in mails: with another value the links in mails already sent stop working. Default: made at the first start and kept in the database.',
  },
  OPENAI_API_KEY: { kind: secret, default: '', isSecret: true, description: 'Lets OpenAI write the drafts.' },
  ANTHROPIC_API_KEY: { kind: secret, default: '', isSecret: true, description: 'Lets Anthropic write the drafts.' },
  GOOGLE_GENERATIVE_AI_API_KEY: { kind: secret, default: '', isSecret: true, description: 'Lets Google write the drafts.' },
  OLLAMA_BASE_URL: { kind: http, default: '', description: 'Lets an Ollama server write the drafts.' },
  OPENAI_COMPATIBLE_BASE_URL: { kind: http, default: '', description: 'Any server that speaks the protocol of OpenAI.' },
  OPENAI_COMPATIBLE_API_KEY: { kind: secret, default: '', isSecret: true, description: 'Its key, if it wants one.' },
  LLM_MODEL: {
    kind: { type: 'text', pattern: /^[\w.-]+\/[\w.:/-]+$/, accepts: 'provider/model, e.g. openai/gpt-5-mini' },
    default: '',
    description: 'Model that writes. Default: a current model of the first provider that is set.',
  },
  HTTP_MAX_BODY_BYTES: {
    kind: { type: 'integer', min: 1024, max: 1_073_741_824 },
    default: '1048576',
    description: 'Largest request body, in bytes.',
  },
  TRUSTED_PROXIES: {
    kind: { type: 'list' },
    default: '',
    description: 'Addresses or ranges of proxies whose X-Forwarded-* headers are believed, comma-separated.',
  },
  LOG_LEVEL: {
    kind: { type: 'choice', choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] },
    default: 'info',
    flag: '--log-level',
    description: 'Least level that is logged.',
  },
  LOG_FORMAT: {
    kind: { type: 'choice', choices: ['auto', 'json', 'pretty'] },
    default: 'auto',
    flag: '--log-format',
    description: 'auto: pretty at a terminal, JSON elsewhere.',
  },
} as const satisfies Record<string, Variable>;

export type VariableName = keyof typeof variables;
