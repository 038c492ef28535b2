import { simpleParser } from 'mailparser';

export type ReadableMessage = {
  readonly subject: string;
  readonly from: string;
  readonly to: string;
  readonly hasHtml: boolean;
  readonly html: string;
  readonly text: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly attachments: readonly { readonly name: string; readonly type: string; readonly sizeBytes: number }[];
  /** The web address in List-Unsubscribe; null when there is none. */
  readonly unsubscribeUrl: string | null;
};

/** Takes a message apart the way a reader's mail program would. */
export async function readMessage(raw: Buffer): Promise<ReadableMessage> {
  const mail = await simpleParser(raw, { skipTextToHtml: true });
  const headers = mail.headerLines.map(({ key, line }) => ({
    name: line.slice(0, key.length),
    value: line
      .slice(line.indexOf(':') + 1)
      .replace(/\r?\n[ \t]+/g, ' ')
      .trim(),
  }));
  const listUnsubscribe = headers.find(({ name }) => name.toLowerCase() === 'list-unsubscribe')?.value ?? '';
  const html = typeof mail.html === 'string' ? mail.html : '';
  const to = Array.isArray(mail.to) ? mail.to.map(({ text }) => text).join(', ') : (mail.to?.text ?? '');
  return {
    subject: mail.subject ?? '(no subject)',
    from: mail.from?.text ?? '',
    to,
    hasHtml: html !== '',
    html: openLinksInNewTab(html),
    text: mail.text ?? '',
    headers,
    attachments: mail.attachments.map((attachment) => ({
      name: attachment.filename ?? '(no name)',
      type: attachment.contentType,
      sizeBytes: attachment.size,
    })),
    unsubscribeUrl: /<(https?:[^>\s]+)>/.exec(listUnsubscribe)?.[1] ?? null,
  };
}

/** A link that stayed inside the frame would be shown sandboxed, where no form works. */
function openLinksInNewTab(html: string): string {
  const base = '<base target="_blank">';
  const head = /<head(?:\s[^>]*)?>/i;
  return head.test(html) ? html.replace(head, (tag) => `${tag}${base}`) : `${base}${html}`;
}
