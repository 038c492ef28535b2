import { createHmac } from 'node:crypto';
import { mailgunDeliveryVariable } from '#platform/mail';
import { classifyReply } from '../../deliveries/reply-class.ts';
import { deliveryOfKey, deliveryOfMessageId, type MailEvent } from '../mail-event.ts';
import { isSame, objectOf, parseJson, textOf, timeOf } from './post-body.ts';
import { maxSignatureAgeMs, type ProviderAdapter } from './provider-types.ts';

/** Mailgun's webhooks: `signature` is an HMAC-SHA256 of timestamp and token by the signing key (Mailgun documentation, "Securing webhooks"). */
export function createMailgunAdapter(signingKey: string): ProviderAdapter {
  function eventOf(data: Record<string, unknown>, now: Date): MailEvent | undefined {
    const headers = objectOf(objectOf(data.message).headers);
    const key = textOf(objectOf(data['user-variables'])[mailgunDeliveryVariable]);
    const delivery = deliveryOfKey(key) ?? deliveryOfMessageId(textOf(headers['message-id']));
    const id = textOf(data.id);
    if (delivery === undefined || id === '') return undefined;
    const shared = { delivery, occurredAt: timeOf(data.timestamp, now), eventId: `mailgun:${id}` };
    const status = objectOf(data['delivery-status']);
    const words = [textOf(status.message), textOf(status.description)].find((text) => text !== '') ?? textOf(data.reason);
    switch (textOf(data.event)) {
      case 'delivered':
        return { ...shared, kind: 'delivered', detail: '' };
      case 'complained':
        return { ...shared, kind: 'complained', detail: 'abuse' };
      case 'unsubscribed':
        return { ...shared, kind: 'unsubscribed', detail: '' };
      case 'failed': {
        const code = Number(status.code) || (data.severity === 'permanent' ? 550 : 450);
        const enhancedCode = textOf(status['enhanced-code']) || null;
        const { bounceClass } = classifyReply({ code, enhancedCode, response: words });
        // What is tried on is no bounce yet.
        return data.severity === 'permanent'
          ? { ...shared, kind: 'bounced', bounceClass, detail: `${enhancedCode ?? code} ${words}` }
          : undefined;
      }
      default:
        return undefined;
    }
  }

  return {
    async read({ body }, now) {
      const post = objectOf(parseJson(body.toString('utf8')));
      const { timestamp, token, signature } = objectOf(post.signature);
      const expected = createHmac('sha256', signingKey)
        .update(`${textOf(timestamp)}${textOf(token)}`)
        .digest('hex');
      if (!isSame(textOf(signature), expected)) return { kind: 'forged', reason: 'the signature is not right' };
      if (Math.abs(Number(timestamp) * 1000 - now.getTime()) > maxSignatureAgeMs)
        return { kind: 'forged', reason: 'the signature is too old' };
      const event = eventOf({ ...objectOf(post['event-data']) }, now);
      return { kind: 'events', events: event === undefined ? [] : [event], ignored: event === undefined ? 1 : 0 };
    },
  };
}
