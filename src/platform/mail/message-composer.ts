import { compileMessage } from './compiled-message.ts';
import type { OutgoingMail } from './mail-transport.ts';

/**
 * The whole message as it goes over the wire (RFC 5322), its text and its HTML as alternatives.
 * @throws AppError `invalid_request` when a header or an address holds what must not be in one
 */
export function composeMessage({ from, to, subject, text, html, messageId, date, headers }: OutgoingMail): Buffer {
  const template = { from, subject: [subject], text: [text], html: [html], headers };
  return compileMessage(template).write({ to, messageId, date, values: [], headers: {} });
}
