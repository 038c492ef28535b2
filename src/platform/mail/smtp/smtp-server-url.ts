import { isIP } from 'node:net';
import { invalid } from '#shared/errors';

/** A mail server and how it is spoken to, as its URL says. */
export type SmtpServerAddress = {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; otherwise by STARTTLS. */
  readonly isImplicitTls: boolean;
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
  /** `requireTLS=true`: without STARTTLS no mail goes there. */
  readonly requiresTls: boolean;
  /** `ignoreTLS=true`: in the clear even where STARTTLS is offered. */
  readonly ignoresTls: boolean;
  readonly tls: { readonly servername?: string; readonly rejectUnauthorized: boolean };
  readonly localAddress: string | undefined;
};

const parameters = ['requireTLS', 'ignoreTLS', 'localAddress', 'tls.rejectUnauthorized', 'tls.servername'];

/**
 * Reads `smtp://[user:password@]host[:port]` (port 587 unless given) or `smtps://…` (465).
 * @throws AppError `invalid_request`, which shows no password
 */
export function parseSmtpUrl(text: string): SmtpServerAddress {
  const url = URL.parse(text);
  if (url === null || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '') {
    throw invalid('The address of a mail server is smtp://[user:password@]host[:port] or smtps://….');
  }
  const query = url.searchParams;
  for (const name of query.keys()) {
    if (!parameters.includes(name))
      throw invalid(`The mail server's address has the unknown parameter "${name}"; known are ${parameters.join(', ')}.`);
  }
  const isImplicitTls = url.protocol === 'smtps:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // A name in a certificate is no address (RFC 6066, 3).
  const servername = query.get('tls.servername') ?? (isIP(host) === 0 ? host : undefined);
  return {
    host,
    port: url.port === '' ? (isImplicitTls ? 465 : 587) : Number(url.port),
    isImplicitTls,
    credentials: url.username === '' ? undefined : { user: decode(url.username), password: decode(url.password) },
    requiresTls: readSwitch(query, 'requireTLS', false),
    ignoresTls: readSwitch(query, 'ignoreTLS', false),
    tls: { ...(servername !== undefined && { servername }), rejectUnauthorized: readSwitch(query, 'tls.rejectUnauthorized', true) },
    localAddress: query.get('localAddress') ?? undefined,
  };
}

function readSwitch(query: URLSearchParams, name: string, fallback: boolean): boolean {
  const value = query.get(name);
  if (value === null) return fallback;
  if (value !== 'true' && value !== 'false') throw invalid(`The mail server's address has ${name}=${value}; give true or false.`);
  return value === 'true';
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A per cent sign that begins no escape means itself.
    return text;
  }
}
