import { signToken, verifyToken } from '#shared/signing';
import { isUuid } from '#shared/uuid';

const confirmPurpose = 'confirm-subscription';
const unsubscribePurpose = 'unsubscribe';

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
};

// Ids are packed, so that a whole token stays below the 100 characters that a path parameter may have.
const packId = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');

function unpackId(packed: string): string | undefined {
  const hex = Buffer.from(packed, 'base64url').toString('hex');
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return isUuid(uuid) && packId(uuid) === packed ? uuid : undefined;
}

export function createSubscriberLinks(baseUrl: string, secret: string): SubscriberLinks {
  return {
    unsubscribeUrl(subscriberId, issueId) {
      const payload = [subscriberId, ...(issueId === null ? [] : [issueId])].map(packId).join('.');
      return `${baseUrl}/unsubscribe/${signToken(secret, unsubscribePurpose, payload)}`;
    },
    confirmUrl: (subscriberId) => `${baseUrl}/confirm/${signToken(secret, confirmPurpose, packId(subscriberId))}`,
    readUnsubscribeToken(token) {
      const [subscriber = '', issue, ...rest] = verifyToken(secret, unsubscribePurpose, token)?.split('.') ?? [];
      const subscriberId = unpackId(subscriber);
      const issueId = issue === undefined ? null : unpackId(issue);
      return rest.length > 0 || subscriberId === undefined || issueId === undefined ? undefined : { subscriberId, issueId };
    },
    readConfirmToken: (token) => unpackId(verifyToken(secret, confirmPurpose, token) ?? ''),
  };
}
