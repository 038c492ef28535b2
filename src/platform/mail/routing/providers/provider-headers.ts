import type { MailProvider } from '#shared/mail-transports';
import { mailgunHeaders } from './mailgun.ts';
import { postmarkHeaders } from './postmark.ts';
import { sendgridHeaders } from './sendgrid.ts';
import { sesHeaders } from './ses.ts';

const messageIdPattern = /^<([\w.-]{1,200})@[^<>\s@]+>$/;

/** The part of our Message-ID by which a provider's event names the delivery; undefined for one that is not ours in form. */
export const deliveryKeyOf = (messageId: string): string | undefined => messageIdPattern.exec(messageId)?.[1];

/**
 * Headers that make a provider's events name our delivery. They carry the local part of the Message-ID, which says nothing
 * of the reader.
 */
export function providerHeaders(
  { provider, configurationSet }: { readonly provider: MailProvider | undefined; readonly configurationSet?: string | undefined },
  messageId: string,
): Readonly<Record<string, string>> {
  const key = deliveryKeyOf(messageId);
  if (key === undefined) return {};
  switch (provider) {
    case undefined:
      return {};
    case 'ses':
      return sesHeaders(key, configurationSet);
    case 'sendgrid':
      return sendgridHeaders(key);
    case 'postmark':
      return postmarkHeaders(key);
    case 'mailgun':
      return mailgunHeaders(key);
  }
}
