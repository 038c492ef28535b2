import { signToken, verifyToken } from '#shared/signing';

const openPurpose = 'email-open';
const clickPurpose = 'email-click';

export type OpenToken = { readonly issueId: string; readonly subscriberId: string };
export type ClickToken = OpenToken & { readonly link: number };

// Packed, so that a whole token stays below the 100 characters that a path parameter may have.
const pack = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');

function unpack(packed: string): string | undefined {
  const hex = Buffer.from(packed, 'base64url').toString('hex');
  return hex.length === 32 ? hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') : undefined;
}

export function signOpenToken(secret: string, { issueId, subscriberId }: OpenToken): string {
  return signToken(secret, openPurpose, `${pack(issueId)}.${pack(subscriberId)}`);
}

export function signClickToken(secret: string, { issueId, subscriberId, link }: ClickToken): string {
  return signToken(secret, clickPurpose, `${pack(issueId)}.${pack(subscriberId)}.${link}`);
}

export function readOpenToken(secret: string, token: string): OpenToken | undefined {
  return readIds(verifyToken(secret, openPurpose, token));
}

export function readClickToken(secret: string, token: string): ClickToken | undefined {
  const payload = verifyToken(secret, clickPurpose, token);
  const ids = readIds(payload);
  const link = Number(payload?.split('.')[2]);
  return ids === undefined || !Number.isInteger(link) ? undefined : { ...ids, link };
}

function readIds(payload: string | undefined): OpenToken | undefined {
  const [issue = '', subscriber = ''] = payload?.split('.') ?? [];
  const issueId = unpack(issue);
  const subscriberId = unpack(subscriber);
  return issueId === undefined || subscriberId === undefined ? undefined : { issueId, subscriberId };
}
