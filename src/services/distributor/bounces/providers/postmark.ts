import { postmarkDeliveryField } from '#platform/mail';
import type { BounceClass } from '../../deliveries/reply-class.ts';
import { deliveryOfKey, type MailEvent } from '../mail-event.ts';
import { isSame, objectOf, parseJson, textOf, timeOf } from './post-body.ts';
import type { ProviderAdapter } from './provider-types.ts';

// Postmark documentation, "Bounce webhook", types of bounces; those that are not here say nothing of the address.
const classes: Readonly<Record<string, BounceClass>> = {
  HardBounce: 'hard',
  BadEmailAddress: 'hard',
  ManuallyDeactivated: 'hard',
  SoftBounce: 'soft',
  DnsError: 'transient',
  Transient: 'transient',
  SpamNotification: 'content',
  VirusNotification: 'content',
  Blocked: 'policy',
  DMARCPolicy: 'policy',
  SMTPApiError: 'unknown',
};

/** Postmark signs nothing: it sends the name and password that stand in the webhook's address (`user:password`), over TLS. */
export function createPostmarkAdapter(credentials: string): ProviderAdapter {
  const expected = `Basic ${Buffer.from(credentials).toString('base64')}`;

  function eventOf(post: Record<string, unknown>, now: Date): MailEvent | undefined {
    const delivery = deliveryOfKey(textOf(objectOf(post.Metadata)[postmarkDeliveryField]));
    if (delivery === undefined) return undefined;
    const type = textOf(post.RecordType);
    const id = textOf(post.ID) || textOf(post.MessageID);
    const at = post.DeliveredAt ?? post.BouncedAt ?? post.ChangedAt;
    const shared = { delivery, occurredAt: timeOf(at, now), eventId: `postmark:${type}:${id}` };
    if (id === '') return undefined;
    switch (type) {
      case 'Delivery':
        return { ...shared, kind: 'delivered', detail: '' };
      case 'SpamComplaint':
        return { ...shared, kind: 'complained', detail: 'abuse' };
      case 'SubscriptionChange':
        return post.SuppressSending === true && post.SuppressionReason === 'ManualSuppression'
          ? { ...shared, kind: 'unsubscribed', detail: '' }
          : undefined;
      case 'Bounce': {
        const bounce = textOf(post.Type);
        if (bounce === 'SpamComplaint') return { ...shared, kind: 'complained', detail: 'abuse' };
        if (bounce === 'Unsubscribe') return { ...shared, kind: 'unsubscribed', detail: '' };
        const bounceClass = classes[bounce];
        const detail = [bounce, textOf(post.Details)].filter((text) => text !== '').join(': ');
        return bounceClass === undefined ? undefined : { ...shared, kind: 'bounced', bounceClass, detail };
      }
      default:
        return undefined;
    }
  }

  return {
    async read({ headers, body }, now) {
      if (!isSame(textOf(headers.authorization), expected)) return { kind: 'forged', reason: 'name and password are not right' };
      const event = eventOf({ ...objectOf(parseJson(body.toString('utf8'))) }, now);
      return { kind: 'events', events: event === undefined ? [] : [event], ignored: event === undefined ? 1 : 0 };
    },
  };
}
