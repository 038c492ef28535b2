import { getDomain } from 'tldts';
import { messageOf } from '#shared/errors';
import type { Finding, PreflightReport } from './findings.ts';

/** Of `node:dns/promises`. */
export type TxtResolver = { resolveTxt(name: string): Promise<string[][]> };
type DkimKey = { readonly domain: string; readonly selector: string };

export type SenderCheckOptions = {
  /** Domain of the sender's address. */
  readonly domain: string;
  /** Mail reaches nobody. */
  readonly isMailbox: boolean;
  /** With which we sign; none: whoever passes the mail on may. */
  readonly dkimKeys: readonly DkimKey[];
  readonly resolver: TxtResolver;
};

/** RFC 2606 and RFC 6761: no mail of theirs arrives anywhere, so there is nothing to check. */
const reserved = /(?:^|\.)(?:example|test|invalid|localhost|example\.(?:com|net|org))$/;

/** What large mailbox providers ask of whoever sends to many: SPF, DKIM and DMARC of the sender's domain. */
export async function checkSender({ domain, isMailbox, dkimKeys, resolver }: SenderCheckOptions): Promise<Partial<PreflightReport>> {
  if (isMailbox) return { notes: ['SPF, DKIM and DMARC were not checked: mail goes to the embedded mailbox.'] };
  if (reserved.test(domain)) return { notes: [`SPF, DKIM and DMARC were not checked: ${domain} is a reserved name.`] };
  const reports = await Promise.all([
    checkSpf(domain, resolver),
    checkDmarc(domain, resolver),
    ...(dkimKeys.length === 0 ? [Promise.resolve(unsigned(domain))] : dkimKeys.map((key) => checkDkim(key, resolver))),
  ]);
  return { blocking: reports.flatMap(({ blocking = [] }) => blocking), warnings: reports.flatMap(({ warnings = [] }) => warnings) };
}

type Report = Partial<PreflightReport>;
type TxtAnswer = { readonly kind: 'records'; readonly records: readonly string[] } | { readonly kind: 'failed'; readonly reason: string };

async function readTxt(name: string, resolver: TxtResolver): Promise<TxtAnswer> {
  try {
    return { kind: 'records', records: (await resolver.resolveTxt(name)).map((chunks) => chunks.join('')) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return { kind: 'records', records: [] };
    return { kind: 'failed', reason: typeof code === 'string' ? code : messageOf(error) };
  }
}

/** RFC 7208, 4.5: exactly one record; with more of them every mail fails. */
async function checkSpf(domain: string, resolver: TxtResolver): Promise<Report> {
  const answer = await readTxt(domain, resolver);
  if (answer.kind === 'failed') return unverified('spf_unverified', domain, 'SPF', answer.reason);
  const [record, ...others] = answer.records.filter((text) => /^v=spf1(?: |$)/i.test(text));
  if (record === undefined) {
    return blocking(
      'spf_missing',
      domain,
      'The domain names no servers that may send its mail (SPF).',
      `Publish a TXT record at ${domain} that begins with v=spf1 and includes your mail server or provider.`,
    );
  }
  if (others.length > 0) {
    return blocking(
      'spf_ambiguous',
      domain,
      'The domain has more than one SPF record, which counts as none.',
      `Join the SPF records at ${domain} into one.`,
    );
  }
  if (!/(?:^|\s)\+?all(?:\s|$)/i.test(record)) return {};
  return warning('spf_open', domain, 'The SPF record lets everybody send in the name of the domain.', 'End the record with ~all or -all.');
}

/** RFC 7489, 6.6.3: the domain's own record, else that of the organisation's domain. */
async function checkDmarc(domain: string, resolver: TxtResolver): Promise<Report> {
  for (const candidate of new Set([domain, getDomain(domain) ?? domain])) {
    const answer = await readTxt(`_dmarc.${candidate}`, resolver);
    if (answer.kind === 'failed') return unverified('dmarc_unverified', candidate, 'DMARC', answer.reason);
    const records = answer.records.filter((text) => /^v=DMARC1\s*(?:;|$)/i.test(text));
    if (records.length === 1 && /;\s*p\s*=\s*(?:none|quarantine|reject)\b/i.test(records[0] ?? '')) return {};
    if (records.length > 0) {
      return blocking(
        'dmarc_invalid',
        candidate,
        'The DMARC record of the domain is not valid.',
        `Publish one TXT record at _dmarc.${candidate}, such as v=DMARC1; p=none; rua=mailto:…`,
      );
    }
  }
  return blocking(
    'dmarc_missing',
    domain,
    'The domain has no DMARC record.',
    `Publish a TXT record at _dmarc.${domain}, such as v=DMARC1; p=none; rua=mailto:…`,
  );
}

/** RFC 6376, 3.6.1: an empty `p` is a key that was withdrawn. */
async function checkDkim({ domain, selector }: DkimKey, resolver: TxtResolver): Promise<Report> {
  const name = `${selector}._domainkey.${domain}`;
  const answer = await readTxt(name, resolver);
  if (answer.kind === 'failed') return unverified('dkim_unverified', name, 'DKIM', answer.reason);
  if (answer.records.some((text) => /(?:^|;)\s*p\s*=\s*[A-Za-z0-9+/]/.test(text))) return {};
  return blocking(
    'dkim_missing',
    name,
    'The key that mails are signed with is not published (DKIM).',
    `Publish the public key as a TXT record at ${name}.`,
  );
}

const unsigned = (domain: string): Report =>
  warning('dkim_off', domain, 'Mails are not signed here (DKIM).', 'Configure a DKIM key, unless your mail provider signs for you.');

const blocking = (code: string, where: string, message: string, howToMend: string): Report => ({
  blocking: [{ code, message, where, howToMend } satisfies Finding],
});
const warning = (code: string, where: string, message: string, howToMend: string): Report => ({
  warnings: [{ code, message, where, howToMend } satisfies Finding],
});
const unverified = (code: string, where: string, what: string, reason: string): Report =>
  warning(code, where, `${what} could not be looked up (${reason}).`, 'Try again when the name servers answer.');
