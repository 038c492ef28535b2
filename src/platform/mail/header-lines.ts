import { domainToASCII } from 'node:url';
import { invalid } from '#shared/errors';
import type { MailAddress } from './mail-transport.ts';

const maxLineLength = 76;
/** RFC 5322, 2.1.1: what no server has to take. */
const maxTokenLength = 990;
/** An encoded word is at most 75 long; `=?utf-8?B?` and `?=` are 12 of them. */
const wordOverhead = 12;
const maxWordBytes = 45;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this looks for
const forbidden = /[\u0000-\u0008\u000a-\u001f\u007f]/;
const namePattern = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,60}$/;
// Printable ASCII, and no beginning of an encoded word.
const plainText = /^(?!.*=\?)[\x20-\x7e]*$/;
// RFC 5322 atoms with single blanks between them: a display name that needs no quotes.
const plainPhrase = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const longestName = 60;

/** @throws AppError `invalid_request` when the text could begin a header of somebody else's choice */
export function checkHeaderText(name: string, text: string): void {
  if (forbidden.test(text)) throw invalid(`the header ${JSON.stringify(name)} holds a control character`);
}

/** @throws AppError `invalid_request` when it is no name of a header (RFC 5322, 2.2) */
export function checkHeaderName(name: string): void {
  if (!namePattern.test(name)) throw invalid(`${JSON.stringify(name)} is no name of a header`);
}

/**
 * A header with free text, folded, without its line end: what is not plain ASCII as encoded words (RFC 2047), so that what a
 * parser reads is exactly `text`. No line is longer than 76.
 */
export function freeTextLine(name: string, text: string): string {
  checkHeaderText(name, text);
  if (text.length + name.length + 2 <= maxLineLength && isCarriedAsIs(text)) return `${name}: ${text}`;
  const isOdd = text.includes('  ') || text.includes('\t') || text.startsWith(' ') || text.endsWith(' ');
  const longest = maxLineLength - name.length - 2;
  const isEncoded = (word: string) => !plainText.test(word) || word.length > longest;
  return fold(name, isOdd ? [[true, text]] : stretchesOf(text, isEncoded));
}

/**
 * A header with a form of its own (List-Unsubscribe, List-Id, …), folded at its blanks, without its line end. What is longer
 * than a line and has no blank, as a long link, stays whole: it is read by programs that want it so.
 * @throws AppError `invalid_request` for control characters and for what is too long for any line
 */
export function structuredLine(name: string, value: string): string {
  checkHeaderText(name, value);
  if (value.length + name.length + 2 <= maxLineLength && plainText.test(value)) return `${name}: ${value}`;
  const line = fold(
    name,
    stretchesOf(value, (word) => !plainText.test(word)),
  );
  if (line.length > maxTokenLength && line.split('\r\n').some(({ length }) => length > maxTokenLength)) {
    throw invalid(`the header ${JSON.stringify(name)} is too long`);
  }
  return line;
}

/**
 * `To: Name <address>`, folded, without its line end. An address beyond ASCII stands as it is (RFC 6532): encoded words are
 * not allowed in addresses.
 */
export function addressLine(name: string, { address: given, name: displayName = '' }: MailAddress): string {
  checkHeaderText(name, given);
  const address = withAsciiDomain(given);
  checkHeaderText(name, displayName);
  if (address === '' || /[\s<>,;"]/.test(address)) throw invalid(`the header ${JSON.stringify(name)} holds no single address`);
  if (displayName === '') return name.length + address.length + 2 <= maxLineLength ? `${name}: ${address}` : `${name}:\r\n ${address}`;
  const phrase = phraseLine(name, displayName);
  const column = phrase.length - phrase.lastIndexOf('\n') - 1;
  return `${phrase}${column + address.length + 3 <= maxLineLength ? '' : '\r\n'} <${address}>`;
}

/** The domain as the DNS has it (IDNA): then an address beyond ASCII is one whose local part is. */
function withAsciiDomain(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  if (plainText.test(domain)) return address;
  return `${address.slice(0, at + 1)}${domainToASCII(domain) || domain}`;
}

function phraseLine(name: string, displayName: string): string {
  if (displayName.length > longestName || !plainText.test(displayName)) return fold(name, [[true, displayName]]);
  const phrase = plainPhrase.test(displayName) ? displayName : `"${displayName.replace(/["\\]/g, '\\$&')}"`;
  return `${name}: ${phrase}`;
}

/** Whether a parser that unfolds and trims reads it as it was written. */
const isCarriedAsIs = (text: string) => plainText.test(text) && !text.startsWith(' ') && !text.endsWith(' ') && !text.includes('  ');

/** True: to be encoded. */
type Stretch = readonly [isEncoded: boolean, text: string];

/** The words that stay as they are, and between the first and the last that do not, one stretch: blanks between encoded words are no text. */
function stretchesOf(text: string, isEncoded: (word: string) => boolean): Stretch[] {
  const words = text.split(' ');
  const first = words.findIndex(isEncoded);
  if (first === -1) return words.map((word) => [false, word]);
  const last = words.findLastIndex(isEncoded);
  const plain = (word: string): Stretch => [false, word];
  return [
    ...words.slice(0, first).map(plain),
    [true, words.slice(first, last + 1).join(' ')] as const,
    ...words.slice(last + 1).map(plain),
  ];
}

/** Stretches with one blank between them, each line end before such a blank. */
function fold(name: string, stretches: readonly Stretch[]): string {
  let line = `${name}:`;
  let column = line.length;
  const add = (token: string) => {
    // Never a line of blanks alone, nor an empty first one where the token would not fit the next either.
    if (column + 1 + token.length > maxLineLength) {
      line += '\r\n';
      column = 0;
    }
    line += ` ${token}`;
    column += 1 + token.length;
  };
  for (const [isEncoded, text] of stretches) {
    if (!isEncoded) {
      add(text);
      continue;
    }
    for (const word of encodedWords(text, maxLineLength - column - 1)) add(word);
  }
  return line;
}

/** Whole characters in each word: one must not be cut in two (RFC 2047, 5). `firstRoom`: characters left on the line. */
function encodedWords(text: string, firstRoom: number): string[] {
  const words: string[] = [];
  const roomInLine = Math.floor((firstRoom - wordOverhead) / 4) * 3;
  let room = roomInLine >= 9 ? Math.min(roomInLine, maxWordBytes) : maxWordBytes;
  let chunk = '';
  let bytes = 0;
  const flush = () => {
    words.push(`=?utf-8?B?${Buffer.from(chunk).toString('base64')}?=`);
    chunk = '';
    bytes = 0;
    room = maxWordBytes;
  };
  for (const character of text) {
    const size = Buffer.byteLength(character);
    if (bytes + size > room) flush();
    chunk += character;
    bytes += size;
  }
  if (chunk !== '') flush();
  return words;
}
