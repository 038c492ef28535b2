import { createHash } from 'node:crypto';
import type { Database, Transaction } from '#platform/database';
import type { Logger, Metrics } from '#platform/telemetry';
import type { Clock } from '#shared/clock';
import { markSentByEvent } from '../deliveries/ledger-changes.ts';
import type { Audience } from '../distributor-types.ts';
import type { EmailEvent, EmailEventType } from '../tracking/email-event.ts';
import { recordEmailEvents } from '../tracking/engagement-store.ts';
import { countSoftBounces, findDeliveries, keyOf } from './bounce-store.ts';
import type { MailEvent } from './mail-event.ts';

/** A mailbox that was full or busy for so many issues within so long is given up. */
export const softBounceLimit = { issues: 3, days: 30 } as const;
const maxDetailLength = 1000;
const maxEventIdLength = 300;
const dayMs = 24 * 3600_000;

export type ApplyMailEvents = (
  events: readonly MailEvent[],
  teller: string,
) => Promise<{ readonly applied: number; readonly unknown: number }>;

export type ApplyDependencies = {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly subscribers: Pick<Audience, 'markBounced' | 'markComplained' | 'unsubscribe'>;
};

/** Whatever a teller wrote: what the database takes, and an id that an index takes. */
function storable(event: MailEvent): MailEvent {
  const textOf = (text: string) => text.toWellFormed().replaceAll('\u0000', '\ufffd');
  const eventId = textOf(event.eventId);
  return {
    ...event,
    detail: textOf(event.detail.slice(0, maxDetailLength)),
    eventId: eventId.length > maxEventIdLength ? `sha256:${createHash('sha256').update(eventId).digest('hex')}` : eventId,
  };
}

function typeOf({ kind, bounceClass }: MailEvent): EmailEventType {
  if (kind === 'bounced') return bounceClass === 'hard' ? 'hard_bounce' : 'soft_bounce';
  return kind === 'delivered' ? 'delivered' : kind === 'complained' ? 'complaint' : 'unsubscribe';
}

/**
 * Takes what was told about mails into the ledger, the figures and the suppressions, in one transaction: when it returns, it is
 * committed. Hard bounces and complaints end the mail to their person; soft ones do when they come again and again; refusals for
 * policy or content say nothing against the person. Told twice, it is done once.
 */
export function createApplyMailEvents({ database, clock, logger, metrics, subscribers }: ApplyDependencies): ApplyMailEvents {
  const told = metrics.counter('aquascene_mail_events_total', 'What others told about mails', ['teller', 'kind']);

  /** One at a time, since whether it is news decides what follows. */
  async function apply(tx: Transaction, event: MailEvent): Promise<boolean> {
    const { delivery, kind, bounceClass, detail, occurredAt, eventId } = event;
    const { issueId, subscriberId } = delivery;
    // Whatever became of it, it had been handed over.
    await markSentByEvent(tx, issueId, [subscriberId], clock.now());
    const row: EmailEvent = {
      ...{ id: clock.newId(), type: typeOf(event), issueId, subscriberId, occurredAt, providerEventId: eventId },
      ...(kind === 'bounced' && { bounceClass: bounceClass ?? 'unknown' }),
    };
    if ((await recordEmailEvents(tx, [row])) === 0) return false;
    if (kind === 'complained') await subscribers.markComplained(tx, subscriberId, detail);
    else if (kind === 'unsubscribed') await subscribers.unsubscribe(tx, subscriberId, { origin: 'mail provider', issueId });
    else if (kind === 'bounced' && bounceClass === 'hard') await subscribers.markBounced(tx, subscriberId, detail);
    else if (kind === 'bounced' && bounceClass === 'soft') {
      const since = new Date(clock.now().getTime() - softBounceLimit.days * dayMs);
      const issues = await countSoftBounces(tx, subscriberId, since);
      if (issues >= softBounceLimit.issues) await subscribers.markBounced(tx, subscriberId, `soft bounces of ${issues} issues: ${detail}`);
    }
    return true;
  }

  return async (events, teller) => {
    if (events.length === 0) return { applied: 0, unknown: 0 };
    // In one order, so that two tellers wait for each other.
    const sorted = events.map(storable).toSorted((left, right) => keyOf(left.delivery).localeCompare(keyOf(right.delivery)));
    const result = await database.transaction(async (tx) => {
      const known = await findDeliveries(
        tx,
        sorted.map(({ delivery }) => delivery),
      );
      const ours = sorted.filter(({ delivery }) => known.has(keyOf(delivery)));
      let applied = 0;
      for (const event of ours) applied += (await apply(tx, event)) ? 1 : 0;
      return { applied, unknown: events.length - ours.length };
    });
    for (const { kind } of events) told.inc({ teller, kind });
    if (result.unknown > 0) logger.info({ teller, unknown: result.unknown }, 'something was told about mails that are not in the ledger');
    return result;
  };
}
