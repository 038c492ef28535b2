import { domainToASCII, domainToUnicode } from 'node:url';
import mailchecker from 'mailchecker';
import isEmail from 'validator/lib/isEmail.js';

export type EmailFaultCode = 'malformed' | 'disposable' | 'look_alike';
export type EmailReading = { readonly value: string } | { readonly fault: string; readonly code: EmailFaultCode };

export type EmailOptions = {
  /** Takes addresses of services that throw mailboxes away after minutes. */
  readonly allowDisposable?: boolean | undefined;
};

export const maxEmailLength = 254;

const malformed = { fault: 'must be an e-mail address such as name@example.org', code: 'malformed' } as const;
const disposable = { fault: 'must not be an address of a disposable mail service', code: 'disposable' } as const;

const disposableDomains = mailchecker.blacklist();

type DomainReading = { readonly ascii: string; readonly isDisposable: boolean } | Exclude<EmailReading, { readonly value: string }>;

// A list of subscribers names the same few domains over and over. Emptied when full, so that a list made to fill it gains nothing.
const knownDomains = new Map<string, DomainReading>();
const maxKnownDomains = 20_000;

/**
 * The address as it is kept and compared: the local part as given (NFC), the domain in lower-case ASCII (IDNA), which says the
 * same as its Unicode form; `displayEmail` gives that back. Quoted local parts and address literals are legal and never meant:
 * they are refused, as are domains that are made to be taken for others (Unicode TR 39, as browsers have it).
 */
export function readEmail(text: string, { allowDisposable = false }: EmailOptions = {}): EmailReading {
  const trimmed = text.trim();
  const at = trimmed.lastIndexOf('@');
  if (at < 1 || trimmed.length > maxEmailLength) return malformed;
  const domain = readDomain(trimmed.slice(at + 1));
  if ('fault' in domain) return domain;
  if (domain.isDisposable && !allowDisposable) return disposable;
  const given = trimmed.slice(0, at);
  const length = given.length + 1 + domain.ascii.length;
  if (length <= maxEmailLength && plainLocalPart.test(given)) return { value: `${given}@${domain.ascii}` };
  const localPart = given.normalize('NFC');
  const value = `${localPart}@${domain.ascii}`;
  // The domain has been checked: the library need look at the local part only.
  if (localPart.includes('"') || !isPlain(localPart) || !isEmail.default(`${localPart}@a.aa`)) return malformed;
  return Buffer.byteLength(value) <= maxEmailLength ? { value } : malformed;
}

// Of the millions of a list nearly all are of this sort, which the library takes: it decides about the rest.
const plainLocalPart = /^[a-z0-9]{1,20}(?:[._+-][a-z0-9]{1,20}){0,2}$/i;

/** The address with its domain in Unicode, to be shown. */
export function displayEmail(email: string): string {
  const at = email.lastIndexOf('@') + 1;
  if (!email.includes('xn--', at)) return email;
  return `${email.slice(0, at)}${domainToUnicode(email.slice(at)) || email.slice(at)}`;
}

/** Neither control nor invisible characters, nor spaces other than the plain one that the library refuses. */
function isPlain(text: string): boolean {
  return !/[^\x20-\x7e\p{L}\p{N}\p{M}.\u3002\uff0e]/u.test(text) && text.isWellFormed();
}

/** A domain alone, as of `@domain`. */
export function readDomain(text: string): DomainReading {
  const known = knownDomains.get(text);
  if (known !== undefined) return known;
  const reading = inspectDomain(text);
  if (knownDomains.size >= maxKnownDomains) knownDomains.clear();
  knownDomains.set(text, reading);
  return reading;
}

function inspectDomain(text: string): DomainReading {
  // Read as a host of a URL, a domain with `%` in it would be another one.
  if (!isPlain(text) || /[%/?#[\]]/.test(text)) return malformed;
  const ascii = domainToASCII(text);
  if (!isEmail.default(`a@${ascii}`) || /^\d+$/.test(ascii.slice(ascii.lastIndexOf('.') + 1))) return malformed;
  const lookAlike = findLookAlike(domainToUnicode(ascii));
  if (lookAlike !== undefined) return { fault: lookAlike, code: 'look_alike' };
  return { ascii, isDisposable: isDisposable(ascii) };
}

function isDisposable(ascii: string): boolean {
  for (let domain = ascii; domain.includes('.'); domain = domain.slice(domain.indexOf('.') + 1)) {
    if (disposableDomains.has(domain)) return true;
  }
  return false;
}

const scripts = ['Latin', 'Cyrillic', 'Greek', 'Han', 'Hiragana', 'Katakana', 'Hangul', 'Bopomofo', 'Arabic', 'Hebrew', 'Thai'] as const;
const patterns = [
  ...['Armenian', 'Georgian', 'Devanagari', 'Bengali', 'Tamil', 'Telugu', 'Ethiopic', 'Khmer', 'Myanmar', 'Sinhala', 'Lao', 'Gujarati'],
  ...scripts,
].map((name) => ({ name, pattern: new RegExp(`\\p{Script=${name}}`, 'u') }));
const common = /[\p{Script=Common}\p{Script=Inherited}]/u;

// Scripts that are written together: UTS 39, section 5.2, "highly restrictive".
const writtenTogether: readonly (readonly string[])[] = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul'],
];
// Cyrillic letters that are drawn as Latin ones are.
const cyrillicLookAlikes = /^[асԁеһіјӏорԛѕԝхуъЬҽпгѵѡ0-9-]+$/;

/** Why a domain, in Unicode, could be taken for another, or undefined. */
function findLookAlike(domain: string): string | undefined {
  if (!/[^ -~]/.test(domain)) return undefined;
  const labels = domain.split('.');
  const isCyrillicTop = /\p{Script=Cyrillic}/u.test(labels.at(-1) ?? '');
  for (const label of labels) {
    const found = scriptsOf(label);
    const isMixed = found.size > 1 && !writtenTogether.some((set) => [...found].every((script) => set.includes(script)));
    if (isMixed) return `must not have a domain whose "${label}" mixes ${[...found].sort().join(' and ')} letters`;
    if (!isCyrillicTop && found.has('Cyrillic') && cyrillicLookAlikes.test(label)) {
      return `must not have a domain whose "${label}" is Cyrillic and looks like Latin letters`;
    }
  }
  return undefined;
}

function scriptsOf(label: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const character of label) {
    if (common.test(character)) continue;
    found.add(patterns.find(({ pattern }) => pattern.test(character))?.name ?? 'other');
  }
  return found;
}
