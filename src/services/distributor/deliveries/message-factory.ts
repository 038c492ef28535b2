import { type OutgoingMail, parseMailbox } from '#platform/mail';
import type { Clock } from '#shared/clock';
import type { Audience, Issue, IssueContent, Recipient, Site } from '../distributor-types.ts';
import { cleanName, createMessageRenderer } from '../rendering/message-renderer.ts';
import { signClickToken, signOpenToken } from '../tracking-token.ts';

const pack = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');

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
  readonly subscribers: Pick<Audience, 'unsubscribeUrl'>;
  readonly clock: Clock;
};

export type MessageFactory = {
  readonly mailDomain: string;
  /** Reads the issue's templates once; the returned function writes one recipient's mail. */
  forIssue(issue: Issue, content: IssueContent): (recipient: Recipient) => OutgoingMail;
};

export function createMessageFactory({ site, secret, mailFrom, subscribers, clock }: MessageFactoryOptions): MessageFactory {
  const from = parseMailbox(mailFrom);
  const mailDomain = from.address.split('@')[1] ?? 'localhost';
  const listHost = new URL(site.baseUrl).hostname;

  return {
    mailDomain,
    forIssue(issue, content) {
      const render = createMessageRenderer(content);
      return ({ id: subscriberId, email, name: givenName }) => {
        const ids = { issueId: issue.id, subscriberId };
        const name = cleanName(givenName);
        const unsubscribeUrl = subscribers.unsubscribeUrl(subscriberId, issue.id);
        const { html, text } = render({
          name,
          unsubscribeUrl,
          openUrl: `${site.baseUrl}/t/o/${signOpenToken(secret, ids)}.gif`,
          links: content.links.map((_, link) => `${site.baseUrl}/t/c/${signClickToken(secret, { ...ids, link })}`),
        });
        return {
          from,
          to: { address: email, ...(name !== null && { name }) },
          subject: issue.subject,
          html,
          text,
          messageId: messageIdOf(issue.id, subscriberId, mailDomain),
          date: clock.now(),
          headers: {
            // RFC 8058: one POST to that address, without a page in between.
            'List-Unsubscribe': `<${unsubscribeUrl}>`,
            'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
            'List-Id': `<newsletter.${listHost}>`,
            Precedence: 'bulk',
            'Feedback-ID': `${issue.id}:${listHost}:newsletter:aquascene`,
          },
        };
      };
    },
  };
}
