/** What a variable accepts. The same table makes the configuration, the faults and the reference in docs/configuration.md. */
export type Kind =
  | { readonly type: 'text'; readonly pattern?: RegExp; readonly accepts?: string }
  | { readonly type: 'integer'; readonly min: number; readonly max: number }
  | { readonly type: 'choice'; readonly choices: readonly string[] }
  | { readonly type: 'url'; readonly protocols: readonly string[] }
  | { readonly type: 'list' };

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
  DATABASE_POOL_SIZE: {
    kind: { type: 'integer', min: 2, max: 200 },
    default: '15',
    description: 'Most connections that one process opens.',
  },
  DATABASE_STATEMENT_TIMEOUT_MS: {
    kind: { type: 'integer', min: 100, max: 3_600_000 },
    default: '60000',
    description: 'A statement that runs longer is cancelled, in milliseconds.',
  },
  SMTP_URL: {
    kind: { type: 'url', protocols: ['smtp:', 'smtps:'] },
    default: '',
    isSecret: true,
    description: 'Mail server, e.g. smtps://user:password@mail.example.com:465. Default: the embedded mailbox, which delivers to nobody.',
  },
  MAIL_FROM: {
    kind: { type: 'text', pattern: /^[^\r\n]+@[^\r\n]+$/, accepts: 'an address, or a name and an address in angle brackets' },
    default: 'Greenwater Digest <digest@aquascene.example>',
    description: 'Sender of every mail.',
  },
  POSTAL_ADDRESS: {
    kind: { type: 'text' },
    default: '',
    description: 'Postal address in the footer of newsletters; the law of many countries asks for it.',
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
