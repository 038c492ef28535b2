import { Type } from 'typebox';
import type { Database } from '#platform/database';
import type { RegisterRoutes } from '#platform/http-server';
import type { Logger } from '#platform/telemetry';
import { findTrackedIssue, type TrackedIssue } from '../campaigns/issue-store.ts';
import { readClickToken, readOpenToken } from '../tracking-token.ts';
import type { Engagement } from './engagement-recorder.ts';
import { pixel } from './pixel.ts';

const maxCachedIssues = 200;
const maxUserAgentLength = 500;

const route = {
  schema: { hide: true, params: Type.Object({ token: Type.String({ maxLength: 200 }) }) },
  // A mail provider's proxy opens thousands of mails from one address.
  config: { access: 'public', isPage: true, rateLimit: false, cost: 'essential' },
} as const;

/** What issues link to never changes once mails are out, so it is read once; the issue that was used longest ago goes first. */
function createIssueCache(database: Database): (id: string) => Promise<TrackedIssue | undefined> {
  const cache = new Map<string, TrackedIssue>();
  return async (id) => {
    const issue = cache.get(id) ?? (await findTrackedIssue(database, id));
    if (issue === undefined) return undefined;
    cache.delete(id);
    cache.set(id, issue);
    if (cache.size > maxCachedIssues) cache.delete(cache.keys().next().value ?? id);
    return issue;
  };
}

/** Every request is kept with its user agent, machines' too: which of them were readers is told when they are counted. */
export function trackingRoutes(options: {
  readonly database: Database;
  readonly secret: string;
  readonly record: (engagement: Engagement) => Promise<void>;
  readonly logger: Logger;
}): RegisterRoutes {
  const { database, secret, record, logger } = options;
  const findIssue = createIssueCache(database);
  const userAgentOf = (headers: { 'user-agent'?: string | undefined }) => headers['user-agent']?.slice(0, maxUserAgentLength);

  return (app) => {
    // The image is answered whatever happens: an error would only show as a broken image in somebody's mail.
    app.get('/t/o/:token', route, async (request, reply) => {
      const open = readOpenToken(secret, request.params.token.replace(/\.gif$/, ''));
      if (open !== undefined && request.method === 'GET') {
        const issue = await findIssue(open.issueId).catch((error: unknown) => {
          logger.warn({ err: error, issueId: open.issueId }, 'an email open could not be recorded');
        });
        // Who opens the mail sees every article that it carries.
        if (issue) await record({ type: 'open', ...open, contentIds: issue.articleIds, userAgent: userAgentOf(request.headers) });
      }
      return reply.type('image/gif').header('cache-control', 'no-store').send(pixel);
    });

    // Leads only where the issue itself links to: the token names a number, never an address.
    app.get('/t/c/:token', route, async (request, reply) => {
      const click = readClickToken(secret, request.params.token);
      const issue = click === undefined ? undefined : await findIssue(click.issueId);
      const link = click === undefined ? undefined : issue?.links[click.link];
      if (click === undefined || link === undefined) return reply.callNotFound();
      if (request.method === 'GET') {
        await record({
          type: 'click',
          issueId: click.issueId,
          subscriberId: click.subscriberId,
          contentIds: link.contentId === null ? [] : [link.contentId],
          url: link.url,
          userAgent: userAgentOf(request.headers),
        });
      }
      return reply.header('cache-control', 'no-store').redirect(link.url, 302);
    });
  };
}
