import { createPublicKey, verify } from 'node:crypto';
import { sendgridDeliveryArgument } from '#platform/mail';
import { AppError } from '#shared/errors';
import { classifyReply } from '../../deliveries/reply-class.ts';
import { deliveryOfKey, deliveryOfMessageId, type MailEvent } from '../mail-event.ts';
import { isObject, type Json, parseJson, textOf, timeOf } from './post-body.ts';
import { maxSignatureAgeMs, type ProviderAdapter } from './provider-types.ts';

const maxEvents = 5000;

/**
 * SendGrid's event webhook: an ECDSA signature over timestamp and body, checked by the public key that the settings show (SendGrid
 * documentation, "Event Webhook Security Features").
 * @throws Error when the key is none
 */
export function createSendgridAdapter(publicKeyBase64: string): ProviderAdapter {
  const publicKey = createPublicKey({ key: Buffer.from(publicKeyBase64, 'base64'), format: 'der', type: 'spki' });

  function eventOf(given: Json, now: Date): MailEvent | undefined {
    const delivery = deliveryOfKey(textOf(given[sendgridDeliveryArgument])) ?? deliveryOfMessageId(textOf(given['smtp-id']));
    const id = textOf(given.sg_event_id);
    if (delivery === undefined || id === '') return undefined;
    const shared = { delivery, occurredAt: timeOf(given.timestamp, now), eventId: `sendgrid:${id}` };
    switch (textOf(given.event)) {
      case 'delivered':
        return { ...shared, kind: 'delivered', detail: '' };
      case 'spamreport':
        return { ...shared, kind: 'complained', detail: 'abuse' };
      case 'unsubscribe':
      case 'group_unsubscribe':
        return { ...shared, kind: 'unsubscribed', detail: '' };
      case 'bounce':
      case 'dropped': {
        const words = textOf(given.reason);
        const enhancedCode = /^\d\.\d{1,3}\.\d{1,3}$/.exec(textOf(given.status))?.[0] ?? null;
        const code = Number(/\b([45]\d\d)\b/.exec(words)?.[1] ?? 550);
        const { bounceClass } = classifyReply({ code, enhancedCode, response: words });
        // "blocked" and "dropped" are about the sender, the content, or SendGrid's own lists.
        const isAboutAddress = given.event === 'bounce' && given.type !== 'blocked';
        return {
          ...shared,
          kind: 'bounced',
          bounceClass: isAboutAddress || bounceClass !== 'hard' ? bounceClass : 'policy',
          detail: words,
        };
      }
      default:
        return undefined;
    }
  }

  return {
    async read({ headers, body }, now) {
      const timestamp = textOf(headers['x-twilio-email-event-webhook-timestamp']);
      const signature = Buffer.from(textOf(headers['x-twilio-email-event-webhook-signature']), 'base64');
      const signed = Buffer.concat([Buffer.from(timestamp), body]);
      if (!verify('sha256', signed, publicKey, signature)) return { kind: 'forged', reason: 'the signature is not right' };
      if (Math.abs(Number(timestamp) * 1000 - now.getTime()) > maxSignatureAgeMs)
        return { kind: 'forged', reason: 'the signature is too old' };
      const post = parseJson(body.toString('utf8'));
      if (!Array.isArray(post) || post.length > maxEvents) {
        throw new AppError('invalid_request', `The body must be a list of at most ${maxEvents} events.`, { status: 400 });
      }
      const events = post.flatMap((given: unknown) => (isObject(given) ? (eventOf(given, now) ?? []) : []));
      return { kind: 'events', events, ignored: post.length - events.length };
    },
  };
}
