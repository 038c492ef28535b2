import type { Database } from '#platform/database';
import { invalid, notFound } from '#shared/errors';
import type { Audience, IssueContent, Recipient } from '../distributor-types.ts';
import { createMessageRenderer } from '../rendering/message-renderer.ts';
import { untrackedReader } from '../rendering/preview-reader.ts';
import type { CompileContent, IssueSource } from './compile-content.ts';
import { findContent } from './issue-store.ts';

export type PreviewOptions = {
  readonly database: Database;
  readonly subscribers: Pick<Audience, 'findRecipients'>;
  readonly compile: CompileContent;
};
export type PreviewRequest = { readonly subscriberId?: string | undefined; readonly variant?: number | undefined };
export type PreviewedMail = {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  readonly variant: number;
  readonly variants: number;
};

/** The mail as it would reach the subscriber, or somebody of whom nothing is known. Whoever looks at it must not unsubscribe one. */
export async function renderPreview(
  options: PreviewOptions,
  issue: IssueSource & { readonly id: string },
  request: PreviewRequest,
): Promise<PreviewedMail> {
  const content = (issue.startedAt === null ? undefined : await findContent(options.database, issue.id)) ?? (await options.compile(issue));
  return renderContent(options, issue, content, request);
}

/** Of a draft with changes that are not saved; nothing is stored. */
export async function renderDraft(options: PreviewOptions, draft: IssueSource, request: PreviewRequest): Promise<PreviewedMail> {
  return renderContent(options, draft, await options.compile({ ...draft, startedAt: null }), request);
}

async function renderContent(
  options: PreviewOptions,
  issue: IssueSource,
  content: IssueContent,
  { subscriberId, variant = 0 }: PreviewRequest,
): Promise<PreviewedMail> {
  const version = content.variants[variant];
  if (version === undefined) {
    throw invalid('There is no such variant.', [{ path: '/variant', message: `must be from 0 to ${content.variants.length - 1}` }]);
  }
  const recipient = subscriberId === undefined ? null : await findReader(options, issue, subscriberId);
  const render = createMessageRenderer(version);
  return { ...render(untrackedReader(recipient, issue, content, '#')), variant, variants: content.variants.length };
}

export async function findReader(
  { database, subscribers }: Pick<PreviewOptions, 'database' | 'subscribers'>,
  { blocks }: Pick<IssueSource, 'blocks'>,
  subscriberId: string,
): Promise<Recipient> {
  const segmentIds = [...new Set(blocks.flatMap((block) => block.segmentIds))];
  const [recipient] = await subscribers.findRecipients(database, [subscriberId], segmentIds);
  if (recipient === undefined) throw notFound('subscriber', subscriberId);
  return recipient;
}
