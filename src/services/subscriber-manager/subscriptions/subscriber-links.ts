import { signToken, verifyToken } from '#shared/signing';
import { isUuid } from '#shared/uuid';

const confirmPurpose = 'confirm-subscription';
const unsubscribePurpose = 'unsubscribe';
const preferencesPurpose = 'preferences';
const dataPurposes = { export: 'export-my-data', erase: 'erase-my-data', download: 'download-my-data' } as const;

/** What a link may do with the data of a person: lead to the page that does it, or give the file. */
export type DataAction = keyof typeof dataPurposes;

export type UnsubscribeToken = { readonly subscriberId: string; readonly issueId: string | null };
export type ExpiringToken = { readonly subscriberId: string; readonly expiresAt: Date };

const dayMs = 24 * 3600_000;
export const confirmDays = 7;
/** Of the links by which people get or erase their data. */
export const dataLinkHours = 24;

/**
 * The links by which people without an account act. Those to unsubscribe and to the preferences do not expire: an old newsletter
 * must still offer a way out. What they may do is decided by the state of their subscriber, not by their age.
 */
export type SubscriberLinks = {
  /** Serves the page and, by POST, RFC 8058 one-click as well. */
  unsubscribeUrl(subscriberId: string, issueId: string | null): string;
  confirmUrl(subscriberId: string, now: Date): string;
  /** The page where readers say what they want. */
  preferencesUrl(subscriberId: string): string;
  dataUrl(action: DataAction, subscriberId: string, now: Date): string;
  readUnsubscribeToken(token: string): UnsubscribeToken | undefined;
  /** Signed by us; whether it has expired is for the caller to say. */
  readConfirmToken(token: string): ExpiringToken | undefined;
  /** The subscriber's id. */
  readPreferencesToken(token: string): string | undefined;
  readDataToken(action: DataAction, token: string): ExpiringToken | undefined;
};

// Ids are packed, so that a whole token stays below the 100 characters that a path parameter may have.
const packId = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');

function unpackId(packed: string): string | undefined {
  const hex = Buffer.from(packed, 'base64url').toString('hex');
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return isUuid(uuid) && packId(uuid) === packed ? uuid : undefined;
}

/** `<id>.<seconds since 1970>`, the time in base 36. */
const packExpiring = (subscriberId: string, expiresAtMs: number) =>
  `${packId(subscriberId)}.${Math.floor(expiresAtMs / 1000).toString(36)}`;

function unpackExpiring(payload: string | undefined): ExpiringToken | undefined {
  const [id = '', time = '', ...rest] = payload?.split('.') ?? [];
  const subscriberId = unpackId(id);
  if (subscriberId === undefined || rest.length > 0 || !/^[0-9a-z]{1,8}$/.test(time)) return undefined;
  return { subscriberId, expiresAt: new Date(Number.parseInt(time, 36) * 1000) };
}

export function createSubscriberLinks(baseUrl: string, secret: string): SubscriberLinks {
  return {
    unsubscribeUrl(subscriberId, issueId) {
      const payload = [subscriberId, ...(issueId === null ? [] : [issueId])].map(packId).join('.');
      return `${baseUrl}/unsubscribe/${signToken(secret, unsubscribePurpose, payload)}`;
    },
    confirmUrl(subscriberId, now) {
      const payload = packExpiring(subscriberId, now.getTime() + confirmDays * dayMs);
      return `${baseUrl}/confirm/${signToken(secret, confirmPurpose, payload)}`;
    },
    preferencesUrl: (subscriberId) => `${baseUrl}/preferences/${signToken(secret, preferencesPurpose, packId(subscriberId))}`,
    dataUrl(action, subscriberId, now) {
      const payload = packExpiring(subscriberId, now.getTime() + dataLinkHours * 3600_000);
      return `${baseUrl}/my-data/${action}/${signToken(secret, dataPurposes[action], payload)}`;
    },
    readUnsubscribeToken(token) {
      const [subscriber = '', issue, ...rest] = verifyToken(secret, unsubscribePurpose, token)?.split('.') ?? [];
      const subscriberId = unpackId(subscriber);
      const issueId = issue === undefined ? null : unpackId(issue);
      return rest.length > 0 || subscriberId === undefined || issueId === undefined ? undefined : { subscriberId, issueId };
    },
    readConfirmToken: (token) => unpackExpiring(verifyToken(secret, confirmPurpose, token)),
    readPreferencesToken: (token) => unpackId(verifyToken(secret, preferencesPurpose, token) ?? ''),
    readDataToken: (action, token) => unpackExpiring(verifyToken(secret, dataPurposes[action], token)),
  };
}
