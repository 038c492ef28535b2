import { createHmac } from 'node:crypto';
import { signToken, verifyToken } from '#shared/signing';

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export type UnsubscribeToken = { readonly subscriberId: string; readonly issueId: string | null };

/**
 * The links by which people without an account act. They do not expire: an old newsletter must still offer a way out.
 * What a link may do is decided by the state of its subscriber, not by its age.
 */
export type SubscriberLinks = {
  /** Serves the page and, by POST, RFC 8058 one-click as well. */
  unsubscribeUrl(subscriberId: string, issueId: string | null): string;
  confirmUrl(subscriberId: string): string;
  readUnsubscribeToken(token: string): UnsubscribeToken | undefined;
  /** The subscriber's id. */
  readConfirmToken(token: string): string | undefined;
  /** What stands in the suppressions for an erased person: recognises the address again without keeping it. */
  erasedKeyOf(email: string): string;
};

export const erasedKeyPrefix = 'erased:';

export function createSubscriberLinks(baseUrl: string, secret: string): SubscriberLinks {
  return {
    unsubscribeUrl: (subscriberId, issueId) =>
      `${baseUrl}/unsubscribe/${signToken(secret, 'unsubscribe', issueId === null ? subscriberId : `${subscriberId}|${issueId}`)}`,
    confirmUrl: (subscriberId) => `${baseUrl}/confirm/${signToken(secret, 'confirm-subscription', subscriberId)}`,
    readUnsubscribeToken(token) {
      const [subscriberId = '', issueId, ...rest] = verifyToken(secret, 'unsubscribe', token)?.split('|') ?? [];
      if (rest.length > 0 || !uuidPattern.test(subscriberId) || (issueId !== undefined && !uuidPattern.test(issueId))) return undefined;
      return { subscriberId, issueId: issueId ?? null };
    },
    readConfirmToken(token) {
      const subscriberId = verifyToken(secret, 'confirm-subscription', token);
      return subscriberId !== undefined && uuidPattern.test(subscriberId) ? subscriberId : undefined;
    },
    erasedKeyOf: (email) =>
      `${erasedKeyPrefix}${createHmac('sha256', secret).update(`erased-address\n${email.toLowerCase()}`).digest('hex')}`,
  };
}
