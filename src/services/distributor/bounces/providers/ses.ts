import { verify, X509Certificate } from 'node:crypto';
import { keyOfSesTag, sesDeliveryTag } from '#platform/mail';
import { AppError, messageOf } from '#shared/errors';
import { type BounceClass, classifyReply } from '../../deliveries/reply-class.ts';
import type { DeliveryKey } from '../../deliveries/verp.ts';
import { deliveryOfKey, deliveryOfMessageId, type MailEvent } from '../mail-event.ts';
import { type Json, objectOf, parseJson, textOf, timeOf } from './post-body.ts';
import type { ProviderAdapter } from './provider-types.ts';

// SNS retries for hours with the signature of the first time.
const maxAgeMs = 24 * 3600_000;
const maxKeptCertificates = 8;
/** Hosts that SNS signs from: sns.<region>.amazonaws.com, also in China. */
const snsHost = /^sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?$/;

/** As SNS has them signed: these fields, in this order, those that are there (SNS documentation, "Verifying the signatures"). */
const signedFields: Readonly<Record<string, readonly string[]>> = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
};

const isSnsUrl = (text: string) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === 'https:' && url.port === '' && url.username === '' && snsHost.test(url.hostname);
};

/**
 * Amazon SES by way of SNS. Anybody with an account there can have messages signed: so the topic must be ours, and the certificate
 * must come from SNS itself.
 */
export function createSesAdapter(options: {
  readonly topicArn: string;
  /** PEM of an address at SNS. */
  readonly fetchCertificate: (url: string) => Promise<string>;
}): ProviderAdapter {
  const certificates = new Map<string, X509Certificate>();

  async function certificateOf(url: string): Promise<X509Certificate> {
    const known = certificates.get(url);
    if (known !== undefined) return known;
    const pem = await options.fetchCertificate(url);
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(pem);
    } catch (error) {
      throw new AppError('certificate_invalid', `The certificate of SNS cannot be read: ${messageOf(error)}`, {
        status: 502,
        retryable: true,
      });
    }
    if (certificates.size >= maxKeptCertificates) certificates.clear();
    certificates.set(url, certificate);
    return certificate;
  }

  async function findForgery(post: Json, now: Date): Promise<string | undefined> {
    const fields = signedFields[textOf(post.Type)];
    if (fields === undefined) return 'it is no message of SNS';
    if (textOf(post.TopicArn) !== options.topicArn) return 'it is of another topic';
    const url = textOf(post.SigningCertURL);
    if (!isSnsUrl(url) || !url.endsWith('.pem')) return 'its certificate is not at SNS';
    const certificate = await certificateOf(url);
    if (new Date(certificate.validTo) < now) return 'its certificate has ended';
    const text = fields.flatMap((name) => (post[name] === undefined ? [] : [`${name}\n${textOf(post[name])}\n`])).join('');
    const algorithm = textOf(post.SignatureVersion) === '2' ? 'sha256' : 'sha1';
    const isRight = verify(algorithm, Buffer.from(text), certificate.publicKey, Buffer.from(textOf(post.Signature), 'base64'));
    if (!isRight) return 'the signature is not right';
    return Math.abs(new Date(textOf(post.Timestamp)).getTime() - now.getTime()) <= maxAgeMs ? undefined : 'it is too old';
  }

  return {
    async read({ body }, now) {
      const post = objectOf(parseJson(body.toString('utf8')));
      const forgery = await findForgery(post, now);
      if (forgery !== undefined) return { kind: 'forged', reason: forgery };
      if (post.Type === 'SubscriptionConfirmation') {
        const confirmUrl = textOf(post.SubscribeURL);
        return isSnsUrl(confirmUrl) ? { kind: 'subscription', confirmUrl } : { kind: 'forged', reason: 'its address is not at SNS' };
      }
      const events = post.Type === 'Notification' ? eventsOf(objectOf(parseJson(textOf(post.Message))), textOf(post.MessageId), now) : [];
      return { kind: 'events', events, ignored: events.length === 0 ? 1 : 0 };
    },
  };
}

function deliveryOf(mail: Json): DeliveryKey | undefined {
  const tag = objectOf(mail.tags)[sesDeliveryTag];
  const fromTag = Array.isArray(tag) ? deliveryOfKey(keyOfSesTag(textOf(tag[0]))) : undefined;
  return fromTag ?? deliveryOfMessageId(textOf(objectOf(mail.commonHeaders).messageId));
}

function bounceClassOf(bounce: Json, recipient: Json): { readonly bounceClass: BounceClass; readonly detail: string } {
  const words = textOf(recipient.diagnosticCode);
  const enhancedCode = /^\d\.\d{1,3}\.\d{1,3}$/.exec(textOf(recipient.status))?.[0] ?? null;
  const subType = textOf(bounce.bounceSubType);
  const detail = `${textOf(bounce.bounceType)}/${subType} ${enhancedCode ?? ''} ${words}`.replace(/ +/g, ' ').trim();
  // SES's own suppression lists hold addresses that bounced hard before.
  if (/^(NoEmail|Suppressed|OnAccountSuppressionList)$/.test(subType)) return { bounceClass: 'hard', detail };
  const code = Number(/\b([45]\d\d)\b/.exec(words)?.[1] ?? (bounce.bounceType === 'Permanent' ? 550 : 450));
  const { bounceClass } = classifyReply({ code, enhancedCode, response: words });
  if (bounceClass === 'unknown' && bounce.bounceType === 'Permanent' && subType === 'General') return { bounceClass: 'hard', detail };
  return { bounceClass, detail };
}

/** SES documentation, "Event data": by a configuration set `eventType`, by a topic of the identity `notificationType`. */
function eventsOf(message: Json, snsId: string, now: Date): MailEvent[] {
  const delivery = deliveryOf(objectOf(message.mail));
  if (delivery === undefined) return [];
  const of = (name: string) => objectOf(message[name]);
  const shared = (at: unknown) => ({ delivery, occurredAt: timeOf(at, now), eventId: `ses:${snsId}` });
  switch (textOf(message.eventType) || textOf(message.notificationType)) {
    case 'Delivery':
      return [{ ...shared(of('delivery').timestamp), kind: 'delivered', detail: '' }];
    case 'Complaint':
      return [
        { ...shared(of('complaint').timestamp), kind: 'complained', detail: textOf(of('complaint').complaintFeedbackType) || 'abuse' },
      ];
    case 'Bounce': {
      const bounce = of('bounce');
      const [recipient] = Array.isArray(bounce.bouncedRecipients) ? bounce.bouncedRecipients : [];
      return [{ ...shared(bounce.timestamp), kind: 'bounced', ...bounceClassOf(bounce, objectOf(recipient)) }];
    }
    default:
      return [];
  }
}
