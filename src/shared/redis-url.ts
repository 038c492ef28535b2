import { AppError } from './errors.ts';

export type RedisNode = { readonly host: string; readonly port: number };

/** Where Redis is, and how it is made up. */
export type RedisAddress = {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** The server itself, the sentinels, or nodes of the cluster that tell of the others. */
  readonly nodes: readonly RedisNode[];
  /** Of the sentinels only: the name under which they watch the primary. */
  readonly primaryName: string | undefined;
  readonly db: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly isTls: boolean;
};

const kinds = { redis: 'single', rediss: 'single', sentinel: 'sentinel', cluster: 'cluster' } as const;
const defaultPorts = { single: 6379, sentinel: 26_379, cluster: 6379 } as const;
const pattern = /^(redis|rediss)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^/@?#]+)(?:\/([^?#]*))?$/;

export const acceptedRedisUrls =
  'redis://host:port/db, redis+sentinel://host:port,host:port/name/db or redis+cluster://host:port,host:port (rediss for TLS; user:password@ before the hosts)';

function parseNode(text: string, defaultPort: number): RedisNode | undefined {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/.exec(text.trim()) ?? [];
  if (host === undefined || Number(port ?? defaultPort) > 65_535) return undefined;
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port ?? defaultPort) };
}

function decode(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  return /%(?![0-9a-fA-F]{2})/.test(text) ? text : decodeURIComponent(text);
}

/** The parts of the address, or undefined when it is none. */
export function parseRedisUrl(url: string): RedisAddress | undefined {
  const [, scheme, form, credentials, hosts = '', path = ''] = pattern.exec(url) ?? [];
  if (scheme === undefined) return undefined;
  const kind = form === undefined ? 'single' : kinds[form as keyof typeof kinds];
  const nodes = hosts.split(',').map((text) => parseNode(text, defaultPorts[kind]));
  if (nodes.includes(undefined) || (kind === 'single' && nodes.length > 1)) return undefined;
  const parts = path === '' ? [] : path.split('/');
  const primaryName = kind === 'sentinel' ? parts.shift() : undefined;
  const [db = '0', ...tooMuch] = parts;
  if (tooMuch.length > 0 || !/^\d{1,5}$/.test(db)) return undefined;
  // A cluster has one database only; sentinels are asked for a primary by its name.
  if ((kind === 'cluster' && db !== '0') || (kind === 'sentinel' && primaryName === undefined)) return undefined;
  const [username, ...password] = (credentials ?? '').split(':');
  return {
    kind,
    nodes: nodes as RedisNode[],
    primaryName: decode(primaryName),
    db: Number(db),
    username: decode(username),
    password: decode(password.join(':')),
    isTls: scheme === 'rediss',
  };
}

export function requireRedisAddress(url: string): RedisAddress {
  const address = parseRedisUrl(url);
  // Not the address itself: it may hold a password.
  if (address === undefined) throw new AppError('redis_url_invalid', `The address of Redis is not accepted; give ${acceptedRedisUrls}.`);
  return address;
}
