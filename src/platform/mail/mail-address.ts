import { domainToASCII } from 'node:url';
import addressparser from 'nodemailer/lib/addressparser';
import { invalid } from '#shared/errors';
import type { MailAddress } from './mail-transport.ts';

const maxAddressLength = 254;
const maxLocalPartLength = 64;
const localPartPattern = /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const labelPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * The address as it is kept: the local part as given, the domain in lower-case ASCII (IDNA). Undefined when it is no single
 * deliverable address. Quoted local parts and address literals are legal and never meant: they are refused.
 */
export function normalizeEmail(input: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
  if (/[\u0000-\u001f\u007f]/.test(input)) return undefined;
  const trimmed = input.trim();
  const [parsed, ...others] = addressparser(trimmed, { flatten: true });
  if (parsed === undefined || others.length > 0 || parsed.address !== trimmed) return undefined;
  const at = trimmed.lastIndexOf('@');
  const localPart = trimmed.slice(0, at).normalize('NFC');
  const domain = domainToASCII(trimmed.slice(at + 1));
  const labels = domain.split('.');
  const isValid =
    at > 0 &&
    localPartPattern.test(localPart) &&
    Buffer.byteLength(localPart) <= maxLocalPartLength &&
    labels.length >= 2 &&
    labels.every((label) => labelPattern.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '');
  const address = `${localPart}@${domain}`;
  return isValid && Buffer.byteLength(address) <= maxAddressLength ? address : undefined;
}

/** Reads `Name <address>` or a bare address. @throws AppError `invalid_request` when it is neither. */
export function parseMailbox(text: string): MailAddress {
  const [parsed] = addressparser(text, { flatten: true });
  // A host without a dot is fine for a sender on one's own network.
  if (parsed === undefined || !/^[^\s@<>"]+@[^\s@<>"]+$/.test(parsed.address) || /[\r\n]/.test(text)) {
    throw invalid(`"${text}" is no mail address; accepted is "Name <name@host>" or "name@host".`);
  }
  return parsed.name === '' ? { address: parsed.address } : { address: parsed.address, name: parsed.name };
}
