import type { SendOutcome } from './mail-transport.ts';

const enhancedCodePattern = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/m;

// A full mailbox is emptied some day, whatever class the server gives it (RFC 3463, X.2.2).
const mailboxFull = /^[45]\.2\.2$/;

/** The RFC 3463 code of a reply, e.g. `5.1.1`. */
export function enhancedCodeOf(response: string): string | null {
  return enhancedCodePattern.exec(response)?.[1] ?? null;
}

/** Reads a refusal. The enhanced code, where given, is more exact than the reply code and decides. */
export function classifyRefusal(code: number, response: string): Extract<SendOutcome, { kind: 'rejected' }> {
  const enhancedCode = enhancedCodeOf(response);
  const temporary = enhancedCode === null ? code < 500 : enhancedCode.startsWith('4.') || mailboxFull.test(enhancedCode);
  return { kind: 'rejected', temporary, code, enhancedCode, response };
}

/**
 * Whether a refusal says that the address itself cannot be reached, now or later (a hard bounce): RFC 3463 subjects X.1.1
 * to X.1.3, X.1.6 and X.1.10. Refusals for policy or content say nothing about the address.
 */
export function isHardBounce(outcome: SendOutcome): boolean {
  return outcome.kind === 'rejected' && !outcome.temporary && /^5\.1\.(1|2|3|6|10)$/.test(outcome.enhancedCode ?? '');
}
