import { compileMessage, parseMailbox } from '#platform/mail';
import type { IssueContent } from '../../distributor-types.ts';
import { compileRecipientTemplate, joinParts, type RecipientValues } from '../../rendering/recipient-template.ts';
import type { Finding, PreflightReport } from './findings.ts';

/** Above this, Gmail cuts a message off and hides its end, with the way to unsubscribe. */
export const maxUnclippedBytes = 102 * 1024;

export type ContentCheckOptions = {
  readonly content: IssueContent;
  readonly mailFrom: string;
  readonly ownBaseUrl: string;
  /** A recipient with addresses as long as they will be. */
  readonly reader: RecipientValues;
};

/** What can be seen of the mail as it will leave: its size and its pictures. `images`: where those are that must be there. */
export function checkContent(options: ContentCheckOptions): {
  readonly report: Partial<PreflightReport>;
  readonly images: readonly string[];
} {
  const { content, reader, ownBaseUrl } = options;
  const findings: Finding[] = [];
  const images = new Set<string>();
  for (const [number, version] of content.variants.entries()) {
    const where = content.variants.length > 1 ? `variant ${number}` : 'mail';
    const template = compileRecipientTemplate(version);
    const filled = template.fill(reader);
    const bytes = htmlBytesOf(template, filled, options.mailFrom);
    if (bytes > maxUnclippedBytes) findings.push(tooLong(where, bytes));
    for (const { src, alt, isHidden } of imagesOf(joinParts(template.html, filled))) {
      if (src === reader.openUrl || isHidden) continue;
      if ((alt ?? '').trim() === '') findings.push(withoutAlt(where, src));
      if (isHosted(src, ownBaseUrl)) images.add(src);
      else findings.push(notHosted(where, src));
    }
  }
  return { report: { blocking: findings }, images: [...images] };
}

/** Of the HTML part as it leaves, encoded: what a text part adds is not counted. */
function htmlBytesOf(template: ReturnType<typeof compileRecipientTemplate>, values: readonly string[], mailFrom: string): number {
  const { subject, text, html } = template;
  const fill = { to: { address: 'reader@example.org' }, messageId: '<size@example.org>', date: new Date(0), values, headers: {} };
  const sizeOf = (part: typeof html | null) =>
    compileMessage({ from: parseMailbox(mailFrom), subject, text, html: part, headers: {} }).write(fill).length;
  return sizeOf(html) - sizeOf(null);
}

type MailImage = { readonly src: string; readonly alt: string | undefined; readonly isHidden: boolean };

const imageTag = /<img\b(?:"[^"]*"|'[^']*'|[^>"'])*>/gi;

function imagesOf(html: string): MailImage[] {
  return (html.match(imageTag) ?? []).map((tag) => ({
    src: attributeOf(tag, 'src') ?? '',
    alt: attributeOf(tag, 'alt'),
    isHidden: attributeOf(tag, 'aria-hidden') === 'true' || attributeOf(tag, 'role') === 'presentation',
  }));
}

function attributeOf(tag: string, name: string): string | undefined {
  const match = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, 'i').exec(tag);
  if (match === null) return undefined;
  return (match[1] ?? match[2] ?? match[3] ?? '').replaceAll('&amp;', '&');
}

const isHosted = (src: string, ownBaseUrl: string) => URL.canParse(src) && new URL(src).origin === new URL(ownBaseUrl).origin;

const tooLong = (where: string, bytes: number): Finding => ({
  code: 'mail_too_long',
  message: `The HTML part has ${Math.ceil(bytes / 1024)} KB; Gmail cuts off what is longer than 102 KB, and hides the way to unsubscribe.`,
  where,
  howToMend: 'Take fewer articles, or shorten the text.',
});
const withoutAlt = (where: string, src: string): Finding => ({
  code: 'image_without_alt',
  message: 'A picture has no alternative text.',
  where: `${where}: ${src}`,
  howToMend: 'Say in its brackets what it shows: ![a shrimp on moss](…); role="presentation" marks what is mere decoration.',
});
const notHosted = (where: string, src: string): Finding => ({
  code: 'image_not_hosted',
  message: 'A picture lies on another site: it can change or vanish, and tells that site who reads the mail.',
  where: `${where}: ${src}`,
  howToMend: 'Upload it at POST /api/v1/newsletter-images, or have it fetched (…/fetch), and use the address that it is given.',
});
