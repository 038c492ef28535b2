import type { Database } from '#platform/database';
import { notFound } from '#shared/errors';
import type { Audience, Issue, IssueContent } from '../distributor-types.ts';
import { cleanName, createMessageRenderer } from '../rendering/message-renderer.ts';
import { findContent } from './issue-store.ts';

const emptyImage = 'data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7';

/**
 * The mail as it would reach the subscriber, or somebody without a name. Links lead straight to their pages and nothing is
 * tracked: whoever looks at a preview is no reader and must not unsubscribe one.
 */
export async function renderPreview(
  options: {
    readonly database: Database;
    readonly subscribers: Pick<Audience, 'findRecipients'>;
    readonly compile: (issue: Issue) => Promise<IssueContent>;
  },
  issue: Issue,
  subscriberId: string | undefined,
): Promise<{ subject: string; html: string; text: string }> {
  let name: string | null = null;
  if (subscriberId !== undefined) {
    const [recipient] = await options.subscribers.findRecipients(options.database, [subscriberId]);
    if (recipient === undefined) throw notFound('subscriber', subscriberId);
    name = cleanName(recipient.name);
  }
  const content = (await findContent(options.database, issue.id)) ?? (await options.compile(issue));
  const render = createMessageRenderer(content);
  const message = render({ name, unsubscribeUrl: '#', openUrl: emptyImage, links: content.links.map(({ url }) => url) });
  return { subject: issue.subject, ...message };
}
