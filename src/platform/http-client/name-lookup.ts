import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { AppError } from '#shared/errors';

export type LookUpName = (hostname: string) => Promise<readonly LookupAddress[]>;

const foundForMs = 60_000;
const failedForMs = 5000;
const maxNames = 1000;

/** As the operating system resolves names: its hosts file and search list count. */
export const lookUpBySystem: LookUpName = (hostname) => lookup(hostname, { all: true, order: 'verbatim' });

/** Remembers answers for a minute and failures for some seconds, of a thousand names; several callers wait for one question. */
export function createNameCache(lookUp: LookUpName, now: () => number = () => performance.now()): LookUpName {
  const known = new Map<string, { readonly answer: Promise<readonly LookupAddress[]>; expiresAtMs: number }>();

  async function ask(hostname: string): Promise<readonly LookupAddress[]> {
    try {
      const addresses = await lookUp(hostname);
      if (addresses.length > 0) return addresses;
    } catch (error) {
      throw lookupError(hostname, error);
    }
    throw lookupError(hostname, undefined);
  }

  return (hostname) => {
    const entry = known.get(hostname);
    if (entry !== undefined && entry.expiresAtMs > now()) return entry.answer;
    known.delete(hostname);
    const [oldest] = known.keys();
    if (known.size >= maxNames && oldest !== undefined) known.delete(oldest);
    const answer = ask(hostname);
    const fresh = { answer, expiresAtMs: Number.POSITIVE_INFINITY };
    const keepFor = (milliseconds: number) => {
      fresh.expiresAtMs = now() + milliseconds;
    };
    answer.then(
      () => keepFor(foundForMs),
      () => keepFor(failedForMs),
    );
    known.set(hostname, fresh);
    return answer;
  };
}

function lookupError(hostname: string, cause: unknown): AppError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'ENOTFOUND';
  const isFinal = code === 'ENOTFOUND' || code === 'ENODATA';
  const message = isFinal ? `No host is named ${hostname}.` : `The name ${hostname} could not be resolved (${code}).`;
  return new AppError('dns_failed', message, { status: 502, retryable: !isFinal, cause });
}
