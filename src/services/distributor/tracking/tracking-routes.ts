import { Type } from 'typebox';
import type { Cache } from '#platform/cache';
import type { Database } from '#platform/database';
import type { RegisterRoutes } from '#platform/http-server';
import type { Logger } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { transparentPixel } from '#shared/transparent-pixel';
import { findTrackedIssue, type TrackedIssue } from '../campaigns/issue-store.ts';
import { createTrackingTokens, type TrackedRecipient } from '../tracking-token.ts';
import { honeypotLink } from './email-event.ts';
import type { EngagementRecorder } from './engagement-recorder.ts';
import { labelOf } from './event-label.ts';

const route = {
  schema: { hide: true, params: Type.Object({ token: Type.String({ maxLength: 200 }) }) },
  // A mail provider's proxy opens thousands of mails from one address.
  config: { access: 'public', isPage: true, rateLimit: false, cost: 'essential' },
} as const;

export type TrackingRoutesOptions = {
  readonly database: Database;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly secret: string;
  /** Where the link leads that no reader sees. */
  readonly homeUrl: string;
  readonly recorder: EngagementRecorder;
  readonly logger: Logger;
};

type Caller = { readonly ip: string; readonly headers: { readonly 'user-agent'?: string | undefined } };

/** Every request counts, machines' too; what it is taken for is its label. */
export function trackingRoutes({ database, cache, clock, secret, homeUrl, recorder, logger }: TrackingRoutesOptions): RegisterRoutes {
  const tokens = createTrackingTokens(secret);
  // What an issue links to never changes once its mails are out.
  const findIssue = (id: string): Promise<TrackedIssue | undefined> =>
    cache.getOrSet(id, () => findTrackedIssue(database.latest, id), { namespace: 'tracked-issues' });

  async function record(
    tracking: TrackedIssue['tracking'],
    recipient: TrackedRecipient,
    { ip, headers }: Caller,
    what: { readonly type: 'open' } | { readonly type: 'click'; readonly link: number },
  ): Promise<void> {
    if (tracking === 'off') return;
    const { issueId, variant } = recipient;
    const userAgent = headers['user-agent'];
    const isHoneypot = what.type === 'click' && what.link === honeypotLink;
    const evidence = labelOf({ type: what.type, userAgent, address: ip, isHoneypot });
    const event = { id: clock.newId(), issueId, variant, occurredAt: clock.now(), ...what };
    // Of an anonymous issue nothing is kept that tells one reader from another; the address is kept of none.
    if (tracking === 'anonymous') await recorder.record({ ...event, subscriberId: null, label: evidence.label });
    else await recorder.record({ ...event, subscriberId: recipient.subscriberId, userAgent, ...evidence });
  }

  return (app) => {
    app.addHook('onClose', () => recorder.close());

    // The image is answered whatever happens: an error would only show as a broken image in somebody's mail.
    app.get('/t/o/:token', route, async (request, reply) => {
      const recipient = tokens.readOpen(request.params.token.replace(/\.gif$/, ''));
      if (recipient !== undefined && request.method === 'GET') {
        const issue = await findIssue(recipient.issueId).catch((error: unknown) => {
          logger.warn({ err: error, issueId: recipient.issueId }, 'an email open could not be recorded');
        });
        if (issue) await record(issue.tracking, recipient, request, { type: 'open' });
      }
      return reply.type('image/gif').header('cache-control', 'no-store').send(transparentPixel);
    });

    // Leads only where the issue itself links to: the token names a number, never an address.
    app.get('/t/c/:token', route, async (request, reply) => {
      const click = tokens.readClick(request.params.token);
      const issue = click === undefined ? undefined : await findIssue(click.issueId);
      if (click === undefined || issue === undefined) return reply.callNotFound();
      const link = click.link === 'honeypot' ? honeypotLink : click.link;
      const url = link === honeypotLink ? homeUrl : issue.links[link]?.url;
      if (url === undefined) return reply.callNotFound();
      if (request.method === 'GET') await record(issue.tracking, click, request, { type: 'click', link });
      return reply.header('cache-control', 'no-store').header('x-robots-tag', 'noindex').redirect(url, 302);
    });
  };
}
