import { AppError } from '#shared/errors';

/** Whether this host name (without brackets or a final dot) and port are allowed to lead to a local address. */
export type HostMatcher = (hostname: string, port: number) => boolean;

type Pattern = { readonly isSuffix: boolean; readonly name: string; readonly port: number | undefined };

const patternSyntax = /^(\*\.)?(\[[\da-fA-F:.]+\]|[^\s:/*?#@[\]]+)(?::(\d{1,5}))?$/;

/** A host name as URLs normalise it, without brackets and final dot: so that one name is written in one way only. */
export function normalizeHostname(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

function parsePattern(text: string): Pattern {
  const [, star, host = '', port] = patternSyntax.exec(text.trim()) ?? [];
  if (!URL.canParse(`http://${host}/`) || (port !== undefined && Number(port) > 65_535)) {
    throw new AppError('invalid_host_pattern', `"${text}" is no host; accepted are host, host:port, *.suffix and *.suffix:port.`);
  }
  return {
    isSuffix: star !== undefined,
    name: normalizeHostname(new URL(`http://${host}/`).hostname),
    port: port === undefined ? undefined : Number(port),
  };
}

/** `host`, `host:port`, `*.suffix` (its subdomains, not itself) or `*.suffix:port`. @throws AppError `invalid_host_pattern` */
export function createHostMatcher(patterns: readonly string[]): HostMatcher {
  const parsed = patterns.map(parsePattern);
  return (hostname, port) =>
    parsed.some(
      (pattern) =>
        (pattern.port === undefined || pattern.port === port) &&
        (pattern.isSuffix ? hostname.endsWith(`.${pattern.name}`) : hostname === pattern.name),
    );
}
