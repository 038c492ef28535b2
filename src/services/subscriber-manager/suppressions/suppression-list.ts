import { readDomain, readEmail } from '../subscribers/email-address.ts';
import type { Reading } from '../subscribers/subscriber-fields.ts';

export type ListFault = { readonly line: number; readonly value: string; readonly message: string };

const longestShown = 80;
const maxListFaults = 100;

/**
 * An address, `@domain` for everybody there, or `*.domain` for everybody in its subdomains, as it is kept: lower case, ASCII.
 * What is only to be kept from mail may be a disposable address.
 */
export function readSuppressed(text: string): Reading<string> {
  const trimmed = text.trim();
  const [, kind = '', name = ''] = /^(@|\*\.)(.*)$/s.exec(trimmed) ?? [];
  if (kind === '') {
    const email = readEmail(trimmed, { allowDisposable: true });
    return 'value' in email ? { value: email.value.toLowerCase() } : { fault: 'must be an e-mail address, @domain or *.domain' };
  }
  const domain = readDomain(name);
  return 'ascii' in domain ? { value: `${kind}${domain.ascii}` } : { fault: 'must be an e-mail address, @domain or *.domain' };
}

/** One a line, or parted by commas or semicolons; empty lines and what follows `#` are passed over. All faults are counted, 100 given. */
export function readSuppressionList(text: string): {
  readonly addresses: ReadonlySet<string>;
  readonly faulty: number;
  readonly faults: readonly ListFault[];
} {
  const addresses = new Set<string>();
  const faults: ListFault[] = [];
  let faulty = 0;
  text.split(/\r\n|\r|\n/).forEach((line, index) => {
    for (const part of (line.split('#', 1)[0] ?? '').split(/[,;]/)) {
      if (part.trim() === '') continue;
      const reading = readSuppressed(part);
      if ('value' in reading) addresses.add(reading.value);
      else {
        faulty += 1;
        if (faults.length < maxListFaults)
          faults.push({ line: index + 1, value: part.trim().slice(0, longestShown).toWellFormed(), message: reading.fault });
      }
    }
  });
  return { addresses, faulty, faults };
}
