import { createHmac, timingSafeEqual } from 'node:crypto';

export type DeliveryKey = { readonly issueId: string; readonly subscriberId: string };

/** Where bounces of a mail come back to (variable envelope return path): the address itself says which delivery it is about. */
export type EnvelopeSender = {
  of(delivery: DeliveryKey): string;
  /** Undefined for what we did not sign: a forged bounce must not suppress anybody. */
  read(address: string): DeliveryKey | undefined;
};

const purpose = 'envelope-sender';
const idBytes = 16;
/** 72 bits: as many as fit into a local part of 64 octets (RFC 5321, 4.5.3.1.1) with both ids and a name of 7 octets and a plus sign. */
const tagBytes = 9;
const maxLocalPart = 64;

export const bytesOf = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex');

const uuidOf = (bytes: Buffer) => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/**
 * With a bounce address, `bounces@example.org` becomes `bounces+<issue, subscriber, tag>@example.org`; a mailbox that knows
 * subaddresses, or that takes all of a domain, gets them all. Without one, the plain sender, which tells nothing.
 */
export function createEnvelopeSender(plainSender: string, bounceAddress: string | null, secret: string): EnvelopeSender {
  if (bounceAddress === null) return { of: () => plainSender, read: () => undefined };
  const at = bounceAddress.lastIndexOf('@');
  const prefix = `${bounceAddress.slice(0, at)}+`;
  const domain = bounceAddress.slice(at);
  if (prefix.length + Math.ceil(((2 * idBytes + tagBytes) * 8) / 6) > maxLocalPart) {
    throw new Error(`The bounce address ${bounceAddress} is too long before its @: at most 8 characters leave room for what is added.`);
  }
  const tagOf = (ids: Buffer) => createHmac('sha256', secret).update(`${purpose}\n`).update(ids).digest().subarray(0, tagBytes);
  return {
    of({ issueId, subscriberId }) {
      const ids = Buffer.concat([bytesOf(issueId), bytesOf(subscriberId)]);
      return `${prefix}${Buffer.concat([ids, tagOf(ids)]).toString('base64url')}${domain}`;
    },
    read(address) {
      // The domain's case may have changed on the way, the local part's must not.
      if (!address.startsWith(prefix) || !address.toLowerCase().endsWith(domain.toLowerCase())) return undefined;
      const packed = Buffer.from(address.slice(prefix.length, address.length - domain.length), 'base64url');
      if (packed.length !== 2 * idBytes + tagBytes) return undefined;
      const ids = packed.subarray(0, 2 * idBytes);
      if (!timingSafeEqual(packed.subarray(2 * idBytes), tagOf(ids))) return undefined;
      return { issueId: uuidOf(ids.subarray(0, idBytes)), subscriberId: uuidOf(ids.subarray(idBytes)) };
    },
  };
}
