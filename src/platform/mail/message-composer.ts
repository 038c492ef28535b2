import { createHash } from 'node:crypto';
import { foldLines } from 'nodemailer/lib/mime-funcs';
import MimeNode from 'nodemailer/lib/mime-node';
import type { OutgoingMail } from './mail-transport.ts';
import { encodeQuotedPrintable } from './quoted-printable.ts';

const maxLineLength = 76;
// What needs neither encoding nor care: printable ASCII without the beginning of an encoded word.
const plainText = /^(?!.*=\?)[\x20-\x7e]*$/;

/**
 * The whole message as it goes over the wire (RFC 5322), its text and its HTML as alternatives. Both are quoted-printable, so
 * the boundary, which begins with `=_`, can stand in neither.
 */
export function composeMessage(mail: OutgoingMail): Buffer {
  const boundary = `=_${createHash('sha256').update(mail.messageId).digest('hex').slice(0, 32)}`;
  const head = [
    addressLine('From', mail.from),
    addressLine('To', mail.to),
    textLine('Subject', mail.subject),
    // Never folded: not everybody reads a folded one.
    `Message-ID: ${mail.messageId}`,
    `Date: ${mail.date.toUTCString().replace('GMT', '+0000')}`,
    ...Object.entries(mail.headers).map(([name, value]) => textLine(name, value)),
    'MIME-Version: 1.0',
    `Content-Type: multipart/alternative;\r\n boundary="${boundary}"`,
  ];
  return Buffer.concat([
    Buffer.from(`${head.join('\r\n')}\r\n`),
    partHead(boundary, 'text/plain'),
    encodeQuotedPrintable(mail.text),
    // The most telling alternative comes last (RFC 2046, 5.1.4).
    partHead(boundary, 'text/html'),
    encodeQuotedPrintable(mail.html),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

function partHead(boundary: string, type: string): Buffer {
  return Buffer.from(`\r\n--${boundary}\r\nContent-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n`);
}

const fold = (line: string) => (line.length <= maxLineLength ? line : foldLines(line, maxLineLength));

function textLine(name: string, value: string): string {
  return fold(`${name}: ${plainText.test(value) ? value : MimeNode.encodeHeaderValue(name, value)}`);
}

function addressLine(name: 'From' | 'To', { address, name: displayName = '' }: OutgoingMail['from']): string {
  return fold(`${name}: ${MimeNode.encodeHeaderValue(name, [{ name: displayName, address }])}`);
}
