import { hash } from 'node:crypto';
import { invalid } from '#shared/errors';
import { addressLine, checkHeaderName, checkHeaderText, freeTextLine, structuredLine } from './header-lines.ts';
import type { MailAddress } from './mail-transport.ts';
import { encodeQuotedPrintable, maxEncodedBytes, writeQuotedPrintable } from './quoted-printable.ts';

/** Text that is the same for all, or the place of one value. A slot may stand in several places. */
export type TemplatePart = string | { readonly slot: number };

export type MessageTemplate = {
  readonly from: MailAddress;
  readonly subject: readonly TemplatePart[];
  readonly text: readonly TemplatePart[];
  /** Null: a message of plain text alone. */
  readonly html: readonly TemplatePart[] | null;
  /** The same for all. */
  readonly headers: Readonly<Record<string, string>>;
};

export type MessageFill = {
  readonly to: MailAddress;
  /** With angle brackets. */
  readonly messageId: string;
  readonly date: Date;
  /** By slot, already escaped for where they stand. Line breaks and other control characters in the subject become a blank. */
  readonly values: readonly string[];
  /** This recipient's own. */
  readonly headers: Readonly<Record<string, string>>;
};

export type CompiledMessage = {
  /**
   * The whole message as it goes over the wire (RFC 5322): CRLF only, no line that begins with a dot, 7-bit unless the
   * recipient's address is not.
   * @throws AppError `invalid_request` when a value is missing, or an address or a header holds what must not be in one
   */
  write(fill: MessageFill): Buffer;
};

/** What stands around the parts; a stretch of a part that is the same for all, encoded; what is made for each recipient. */
type Piece =
  | { readonly kind: 'verbatim'; readonly bytes: Buffer }
  | { readonly kind: 'static'; readonly bytes: Buffer; readonly isLineEnded: boolean }
  | { readonly kind: 'slots'; readonly parts: readonly TemplatePart[] };

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this removes
const controls = /[\u0000-\u001f\u007f]+/g;
const ownHeaders = new Set(['from', 'to', 'subject', 'message-id', 'date', 'mime-version', 'content-type', 'content-transfer-encoding']);
const softBreak = Buffer.from('=\r\n');
const lf = 0x0a;

/** All messages are written here first, one after the other: how long one gets is known at its end. */
let scratch = Buffer.alloc(0);

/**
 * Encodes once what is the same in all of a campaign's mails. For each recipient only the values are encoded, between soft
 * line breaks, so that no value moves a line of what stands around it.
 * @throws AppError `invalid_request` when a header holds what must not be in one
 */
export function compileMessage(template: MessageTemplate): CompiledMessage {
  const { from, subject } = template;
  for (const part of subject) if (typeof part === 'string') checkHeaderText('subject', part);
  const fromLine = addressLine('From', from);
  const subjectLine = subject.some(isSlot) ? undefined : freeTextLine('Subject', joinParts(subject, []));
  const sharedNames = new Set(Object.keys(template.headers).map((name) => name.toLowerCase()));
  const pieces = compilePieces(template);
  // A soft line break may stand before each piece.
  const fixedBytes = pieces.reduce((sum, piece) => sum + softBreak.length + (piece.kind === 'slots' ? 0 : piece.bytes.length), 0);

  function headOf({ to, messageId, date, values, headers }: MessageFill): string {
    checkHeaderText('message-id', messageId);
    const own = headerLines(headers, sharedNames);
    const lines = [
      fromLine,
      addressLine('To', to),
      subjectLine ?? freeTextLine('Subject', joinParts(subject, values).replace(controls, ' ').trim()),
      // Never folded: not everybody reads a folded one.
      `Message-ID: ${messageId}`,
      `Date: ${date.toUTCString().replace('GMT', '+0000')}`,
    ];
    return `${lines.join('\r\n')}\r\n${own}`;
  }

  return {
    write(fill) {
      const head = headOf(fill);
      const filled = pieces.map((piece) => (piece.kind === 'slots' ? joinParts(piece.parts, fill.values) : ''));
      reserve(fixedBytes + head.length * 3 + filled.reduce((sum, value) => sum + maxEncodedBytes(value), 0));
      let end = scratch.write(head);
      let isLineEnded = true;
      for (const [index, piece] of pieces.entries()) {
        const value = filled[index] ?? '';
        if (piece.kind === 'slots' && value === '') continue;
        if (piece.kind !== 'verbatim' && !isLineEnded) end += softBreak.copy(scratch, end);
        end = piece.kind === 'slots' ? writeQuotedPrintable(value, scratch, end) : end + piece.bytes.copy(scratch, end);
        isLineEnded = piece.kind === 'static' ? piece.isLineEnded : scratch[end - 1] === lf;
      }
      if (!isLineEnded) end += scratch.write('\r\n', end);
      return Buffer.from(scratch.subarray(0, end));
    },
  };
}

function reserve(bytes: number): void {
  if (scratch.length < bytes + 2) scratch = Buffer.allocUnsafe(bytes * 2);
}

const isSlot = (part: TemplatePart): boolean => typeof part !== 'string';

function joinParts(parts: readonly TemplatePart[], values: readonly string[]): string {
  let joined = '';
  for (const part of parts) {
    const text = typeof part === 'string' ? part : values[part.slot];
    if (text === undefined) throw invalid(`the message has a slot without a value`);
    joined += text;
  }
  return joined;
}

/** Each with its line end. `taken`: names, in lower case, that must not come a second time. */
function headerLines(headers: Readonly<Record<string, string>>, taken: ReadonlySet<string>): string {
  let lines = '';
  for (const [name, value] of Object.entries(headers)) {
    checkHeaderName(name);
    const lowerName = name.toLowerCase();
    if (ownHeaders.has(lowerName) || taken.has(lowerName)) throw invalid(`the header ${JSON.stringify(name)} would stand twice`);
    lines += `${structuredLine(name, value)}\r\n`;
  }
  return lines;
}

function compilePieces(template: MessageTemplate): Piece[] {
  const shared = `${headerLines(template.headers, new Set())}MIME-Version: 1.0\r\n`;
  const verbatim = (text: string): Piece => ({ kind: 'verbatim', bytes: Buffer.from(text) });
  if (template.html === null) return [verbatim(`${shared}${partHead('text/plain')}`), ...compilePart(template.text)];
  const boundary = boundaryOf(template);
  const delimiter = `\r\n--${boundary}`;
  return [
    verbatim(`${shared}Content-Type: multipart/alternative;\r\n boundary="${boundary}"\r\n${delimiter}\r\n${partHead('text/plain')}`),
    ...compilePart(template.text),
    // The most telling alternative comes last (RFC 2046, 5.1.4).
    verbatim(`${delimiter}\r\n${partHead('text/html')}`),
    ...compilePart(template.html),
    verbatim(`${delimiter}--\r\n`),
  ];
}

function partHead(type: string): string {
  return `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n`;
}

/** Both parts are quoted-printable, in which `=_` cannot stand: the boundary is in neither, whatever a value holds. */
function boundaryOf({ from, subject, text, html }: MessageTemplate): string {
  return `=_${hash('sha256', JSON.stringify([from, subject, text, html])).slice(0, 32)}`;
}

/**
 * A CR and an LF on either side of a slot's edge may be one line end or two, as the value has it: they are encoded with the
 * value.
 */
function compilePart(parts: readonly TemplatePart[]): Piece[] {
  const pieces: Piece[] = [];
  let slots: TemplatePart[] = [];
  const flushSlots = () => {
    if (slots.length > 0) pieces.push({ kind: 'slots', parts: slots });
    slots = [];
  };
  const stretches = mergeTexts(parts);
  for (const [index, part] of stretches.entries()) {
    if (typeof part !== 'string') {
      slots.push(part);
      continue;
    }
    const isAfterSlot = index > 0;
    const isBeforeSlot = index < stretches.length - 1;
    const start = isAfterSlot && part.startsWith('\n') ? 1 : 0;
    const end = isBeforeSlot && part.endsWith('\r') ? part.length - 1 : part.length;
    if (start === 1) slots.push('\n');
    const text = part.slice(start, end);
    if (text !== '') {
      flushSlots();
      const bytes = encodeQuotedPrintable(text);
      pieces.push({ kind: 'static', bytes, isLineEnded: bytes.at(-1) === lf });
    }
    if (end < part.length) slots.push('\r');
  }
  flushSlots();
  return pieces;
}

/** Texts that follow each other as one, empty ones left out. */
function mergeTexts(parts: readonly TemplatePart[]): TemplatePart[] {
  const merged: TemplatePart[] = [];
  for (const part of parts) {
    const last = merged.at(-1);
    if (part === '') continue;
    if (typeof part === 'string' && typeof last === 'string') merged[merged.length - 1] = last + part;
    else merged.push(part);
  }
  return merged;
}
