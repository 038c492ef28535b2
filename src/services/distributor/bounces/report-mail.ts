import { createHash } from 'node:crypto';
import { type ParsedMail, simpleParser } from 'mailparser';
import { classifyReply } from '../deliveries/reply-class.ts';
import type { DeliveryKey } from '../deliveries/verp.ts';
import { deliveryOfMessageId, type MailEvent } from './mail-event.ts';

/** A report is short; what is longer carries somebody's pictures back. */
export const maxReportBytes = 1024 * 1024;

export type ReportMail =
  | { readonly kind: 'events'; readonly events: readonly MailEvent[] }
  /** A delay that is still tried, a notice of arrival, an absence: nothing to do. */
  | { readonly kind: 'notice' }
  /** No report, or one that names no delivery of ours. */
  | { readonly kind: 'unreadable'; readonly reason: string };

type Fields = ReadonlyMap<string, string>;

/** Blocks of header fields, as in RFC 3464 and RFC 5965; names in lower case, folded lines made whole. */
function readBlocks(text: string): Fields[] {
  return text
    .replace(/\r\n/g, '\n')
    .split(/\n\s*\n/)
    .map((block) => {
      const lines = block.replace(/\n[ \t]+/g, ' ').split('\n');
      return new Map(lines.flatMap((line) => (/^[\w-]+:/.test(line) ? [split(line)] : [])));
    })
    .filter((fields) => fields.size > 0);
}

function split(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

// `rfc822; name@example.org`, `smtp; 550 5.1.1 …`
const textAfterType = (field: string | undefined) => field?.slice(field.indexOf(';') + 1).trim() ?? '';

function partOf(mail: ParsedMail, types: readonly string[]): string | undefined {
  const part = mail.attachments.find(({ contentType }) => types.includes(contentType.toLowerCase()));
  return part?.content.toString('utf8');
}

/** Of the mail that the report is about, as it came back: whole, or its headers. */
function originalMessageId(mail: ParsedMail): string | undefined {
  const original = partOf(mail, [
    'message/rfc822',
    'text/rfc822-headers',
    'message/rfc822-headers',
    'message/global',
    'message/global-headers',
  ]);
  // Some put what came back into the text of the report.
  const text = original ?? `${mail.text ?? ''}`;
  return /^message-id:\s*(<[^<>\r\n]{3,300}>)/im.exec(text.slice(0, 65_536))?.[1];
}

function bouncesOf(report: string, delivery: DeliveryKey, eventId: string, at: Date): MailEvent[] | 'notice' {
  const [, ...recipients] = readBlocks(report);
  const failed = recipients.filter((fields) => fields.get('action')?.toLowerCase() === 'failed');
  if (failed.length === 0) return 'notice';
  return failed.map((fields, index) => {
    const status = /\d\.\d{1,3}\.\d{1,3}/.exec(fields.get('status') ?? '')?.[0] ?? null;
    const diagnostic = textAfterType(fields.get('diagnostic-code'));
    const code = Number(/^(\d{3})\b/.exec(diagnostic)?.[1] ?? (status?.startsWith('4') ? 450 : 550));
    // A relay that could not tell more says 5.0.0 and quotes the server that could.
    const quoted = /\b[45]\.\d{1,3}\.\d{1,3}\b/.exec(diagnostic)?.[0] ?? null;
    const enhancedCode = status === null || /^\d\.0\.0$/.test(status) ? (quoted ?? status) : status;
    const { bounceClass } = classifyReply({ code, enhancedCode, response: diagnostic });
    return {
      ...({ kind: 'bounced', delivery, bounceClass, occurredAt: at } as const),
      detail: `${enhancedCode ?? code} ${diagnostic}`.trim(),
      eventId: index === 0 ? eventId : `${eventId}:${index}`,
    };
  });
}

function complaintOf(report: string, delivery: DeliveryKey, eventId: string, at: Date): MailEvent | 'notice' {
  const [fields] = readBlocks(report);
  const type = fields?.get('feedback-type')?.toLowerCase() ?? '';
  // RFC 5965, section 7.3; `not-spam` takes a complaint back, which nothing that was done follows.
  if (!['abuse', 'fraud', 'opt-out', 'virus', 'other'].includes(type)) return 'notice';
  return { kind: 'complained', delivery, detail: type, occurredAt: at, eventId };
}

/**
 * Reads a mail that came back: a delivery status notification (RFC 3464) or a feedback report (RFC 5965). Which delivery it is about
 * says the address that it came to (`envelopeDelivery`, signed), else the Message-ID of the mail that it carries back.
 */
export async function readReportMail(raw: Buffer, envelopeDelivery: DeliveryKey | undefined, now: Date): Promise<ReportMail> {
  const mail = await simpleParser(raw, {
    keepDeliveryStatus: true,
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipImageLinks: true,
    skipTextLinks: true,
  });
  const status = partOf(mail, ['message/delivery-status', 'message/global-delivery-status']);
  const feedback = partOf(mail, ['message/feedback-report']);
  if (status === undefined && feedback === undefined) {
    const isAutomatic = /^auto-(replied|generated)/i.test(String(mail.headers.get('auto-submitted') ?? ''));
    return isAutomatic
      ? { kind: 'notice' }
      : { kind: 'unreadable', reason: 'it is neither a delivery status notification nor a feedback report' };
  }
  const delivery = envelopeDelivery ?? deliveryOfMessageId(originalMessageId(mail) ?? '');
  if (delivery === undefined) return { kind: 'unreadable', reason: 'it names no delivery of ours' };
  // By its content: the same report may come by two ways.
  const fingerprint = createHash('sha256')
    .update(status ?? feedback ?? '')
    .update(`${delivery.issueId}${delivery.subscriberId}`);
  const eventId = `report:${fingerprint.digest('base64url')}`;
  // The sender's clock may be wrong by years.
  const sentAt = mail.date instanceof Date && Math.abs(mail.date.getTime() - now.getTime()) < 7 * 24 * 3600_000 ? mail.date : now;
  const at = sentAt > now ? now : sentAt;
  const read = feedback !== undefined ? complaintOf(feedback, delivery, eventId, at) : bouncesOf(status ?? '', delivery, eventId, at);
  if (read === 'notice') return { kind: 'notice' };
  return { kind: 'events', events: Array.isArray(read) ? read : [read] };
}
