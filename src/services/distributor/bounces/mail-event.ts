import type { BounceClass } from '../deliveries/reply-class.ts';
import type { DeliveryKey } from '../deliveries/verp.ts';

/** What somebody outside tells about a mail that we handed over. */
export type MailEvent = {
  readonly kind: 'delivered' | 'bounced' | 'complained' | 'unsubscribed';
  readonly delivery: DeliveryKey;
  /** Of `bounced`. */
  readonly bounceClass?: BounceClass;
  /** Enhanced status code and the server's words, or what kind of complaint it is. */
  readonly detail: string;
  readonly occurredAt: Date;
  /** `<teller>:<id>`: told twice, it counts once. */
  readonly eventId: string;
};

const packedLength = 22;
const uuidOf = (packed: string) =>
  Buffer.from(packed, 'base64url')
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/**
 * The delivery that the local part of a Message-ID of ours names. It is no signature: it holds two ids of 74 random bits each,
 * which nobody knows but who was sent the mail, or handled it.
 */
export function deliveryOfKey(key: string): DeliveryKey | undefined {
  const [issue = '', subscriber = '', ...rest] = key.split('.');
  const isPacked = (text: string) => text.length === packedLength && /^[\w-]+$/.test(text);
  return rest.length === 0 && isPacked(issue) && isPacked(subscriber)
    ? { issueId: uuidOf(issue), subscriberId: uuidOf(subscriber) }
    : undefined;
}

export function deliveryOfMessageId(messageId: string): DeliveryKey | undefined {
  const [, key = ''] = /^\s*<?([^<>@\s]+)@/.exec(messageId) ?? [];
  return deliveryOfKey(key);
}
