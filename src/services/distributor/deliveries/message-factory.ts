import { type CompiledMessage, compileMessage, parseMailbox, type ReadyMail } from '#platform/mail';
import type { Clock } from '#shared/clock';
import type { Audience, Issue, IssueContent, Recipient, Site, VariantContent } from '../distributor-types.ts';
import { cleanName } from '../rendering/recipient-name.ts';
import { compileRecipientTemplate, type RecipientTemplate } from '../rendering/recipient-template.ts';
import { createTrackingTokens } from '../tracking-token.ts';
import { bytesOf, type EnvelopeSender } from './verp.ts';

const pack = (uuid: string) => bytesOf(uuid).toString('base64url');

/**
 * The same for every try of a delivery: by it a mail server is asked, and a reader's program knows a second copy. Packed, so
 * that it stays on one line: not everybody reads a folded Message-ID.
 */
export function messageIdOf(issueId: string, subscriberId: string, mailDomain: string): string {
  return `<${pack(issueId)}.${pack(subscriberId)}@${mailDomain}>`;
}

export type MessageFactoryOptions = {
  readonly site: Site;
  readonly secret: string;
  /** `Name <address>`. */
  readonly mailFrom: string;
  readonly envelopeSender: EnvelopeSender;
  readonly subscribers: Pick<Audience, 'unsubscribeUrl' | 'preferencesUrl'>;
  readonly clock: Clock;
};

/** @throws AppError `template_faulty` or `invalid_request`: this recipient's mail cannot be written */
export type WriteMail = (recipient: Recipient, variant: number) => ReadyMail;

export type MessageFactory = {
  readonly mailDomain: string;
  /** Compiles the issue's versions once; the returned function writes one recipient's mail. */
  forIssue(issue: Issue, content: IssueContent): WriteMail;
};

type Version = { readonly template: RecipientTemplate; readonly withHtml: CompiledMessage; readonly textOnly: CompiledMessage };
/** The addresses in a mail that tell who followed them, or do not. */
type TrackedUrls = { readonly openUrl: string; readonly honeypotUrl?: string; readonly links: readonly string[] };

export function createMessageFactory(options: MessageFactoryOptions): MessageFactory {
  const { site, mailFrom, subscribers, clock, envelopeSender } = options;
  const from = parseMailbox(mailFrom);
  const mailDomain = from.address.split('@')[1] ?? 'localhost';
  const listHost = new URL(site.baseUrl).hostname;
  const tokens = createTrackingTokens(options.secret);

  function compile(issue: Issue, content: VariantContent): Version {
    const template = compileRecipientTemplate(content);
    const { subject, text, html } = template;
    const headers = {
      // RFC 8058: one POST to that address, without a page in between.
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      'List-Id': `<newsletter.${listHost}>`,
      Precedence: 'bulk',
      'Feedback-ID': `${issue.id}:${listHost}:newsletter:aquascene`,
    };
    return {
      template,
      withHtml: compileMessage({ from, subject, text, html, headers }),
      textOnly: compileMessage({ from, subject, text, html: null, headers }),
    };
  }

  function trackedUrls(issueId: string, subscriberId: string | null, variant: number, linkCount: number): TrackedUrls {
    const signed = tokens.sign({ issueId, subscriberId, variant }, linkCount);
    return {
      openUrl: `${site.baseUrl}/t/o/${signed.open}.gif`,
      honeypotUrl: `${site.baseUrl}/t/c/${signed.honeypot}`,
      links: Array.from({ length: linkCount }, (_, link) => `${site.baseUrl}/t/c/${signed.click(link)}`),
    };
  }

  /** Of anonymous or no tracking they are the same for everybody, and made once. */
  function createUrls(issue: Issue, { links, variants }: IssueContent): (subscriberId: string, variant: number) => TrackedUrls {
    if (issue.tracking === 'individual') return (subscriberId, variant) => trackedUrls(issue.id, subscriberId, variant, links.length);
    const direct: TrackedUrls = { openUrl: '', links: links.map(({ url }) => url) };
    const shared = variants.map((_, variant) => (issue.tracking === 'off' ? direct : trackedUrls(issue.id, null, variant, links.length)));
    return (_, variant) => shared[variant] ?? direct;
  }

  return {
    mailDomain,
    forIssue(issue, content) {
      const versions = content.variants.map((variant) => compile(issue, variant));
      const urlsOf = createUrls(issue, content);
      return (recipient, variant) => {
        const version = versions[variant];
        if (version === undefined) throw new Error(`The campaign ${issue.id} has no variant ${variant}.`);
        const { id: subscriberId, email, format } = recipient;
        const name = cleanName(recipient.name);
        const unsubscribeUrl = subscribers.unsubscribeUrl(subscriberId, issue.id);
        const values = version.template.fill({
          ...recipient,
          name,
          fields: recipient.customFields,
          unsubscribeUrl,
          preferencesUrl: subscribers.preferencesUrl(subscriberId),
          variables: issue.variables,
          ...urlsOf(subscriberId, variant),
        });
        const messageId = messageIdOf(issue.id, subscriberId, mailDomain);
        const raw = (format === 'text' ? version.textOnly : version.withHtml).write({
          to: { address: email, ...(name !== null && { name }) },
          messageId,
          date: clock.now(),
          values,
          headers: { 'List-Unsubscribe': `<${unsubscribeUrl}>` },
        });
        return { envelope: { from: envelopeSender.of({ issueId: issue.id, subscriberId }), to: email }, messageId, raw };
      };
    },
  };
}
