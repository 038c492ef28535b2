import { hash, hkdfSync, timingSafeEqual } from 'node:crypto';
import { verifyToken } from '#shared/signing';

const keyBytes = 32;
/** 96 bits: a forger who tries a million tokens a second needs some 10^15 years; and 12 bytes are 16 characters without padding. */
const tagBytes = 12;
const tagLength = 16;
/** Tags that come from one expansion: what has to be computed for one token is bounded, however high its number. */
const tagsPerBlock = 64;
const maxLink = 9_999;
const openPurpose = 'email-open';
const clickPurpose = 'email-click';

/** Whom a mail went to. Without a subscriber (anonymous tracking) all mails of a variant carry the same tokens. */
export type TrackedRecipient = {
  readonly issueId: string;
  readonly subscriberId: string | null;
  readonly variant: number;
};
/** `honeypot`: the link that no reader sees. */
export type TrackedClick = TrackedRecipient & { readonly link: number | 'honeypot' };

/** Of one recipient's mail. */
export type RecipientTokens = {
  readonly open: string;
  readonly honeypot: string;
  /** @param link number of the link in the issue, below the `linkCount` that was asked for */
  click(link: number): string;
};

export type TrackingTokens = {
  sign(recipient: TrackedRecipient, linkCount: number): RecipientTokens;
  /** Undefined for what was not signed for an open with this secret. */
  readOpen(token: string): TrackedRecipient | undefined;
  /** Undefined for what was not signed for a click with this secret. Whether the issue has such a link is for the caller to see. */
  readClick(token: string): TrackedClick | undefined;
};

/**
 * Tokens of the links and the picture in a mail: `<ids>.<what>.<tag>`, `what` being `o` (open), `h` (honeypot) or a link's number.
 *
 * One hash gives the tags of all links of a recipient: SHAKE256 over a fixed-length secret key and the ids is read on, 96 bits for
 * each `what`. A sponge that begins with a secret key is a pseudorandom function, and cannot be extended as SHA-2 can (Andreeva,
 * Daemen, Mennink, Van Assche, "Security of Keyed Sponge Constructions Using a Modular Proof Approach", FSE 2015). Disjoint parts of
 * its output are independent: who has all tokens of a mail but one knows nothing of the one's tag, nor of another recipient's.
 * The ids are of fixed length by kind, and the kind and the block stand before them, so no two inputs read the same. The number is
 * authenticated by its place in the output. The key is derived (HKDF) for this purpose alone; tags are compared in constant time.
 *
 * An anonymous token names no subscriber: nothing that is recorded by it can be traced to a person.
 * Tokens of mails that went out before these (one HMAC a link) remain valid.
 */
export function createTrackingTokens(secret: string): TrackingTokens {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'aquascene tracking tokens 2', keyBytes));

  /** The first `count` tags of a block, one after another, in base64url. */
  function tagsOf(ids: Buffer, block: number, count: number): string {
    const place = Buffer.from([ids.length, block >> 8, block & 0xff]);
    return hash('shake256', Buffer.concat([key, place, ids]), { outputLength: count * tagBytes, outputEncoding: 'base64url' });
  }

  function isTag(ids: Buffer, slot: number, given: string): boolean {
    const place = slot % tagsPerBlock;
    const tags = tagsOf(ids, Math.floor(slot / tagsPerBlock), place + 1);
    return timingSafeEqual(Buffer.from(tags.slice(place * tagLength)), Buffer.from(given));
  }

  function read(token: string): TrackedClick | (TrackedRecipient & { readonly link: 'open' }) | undefined {
    const [, packed = '', what = '', tag = ''] = tokenFormat.exec(token) ?? [];
    const ids = Buffer.from(packed, 'base64url');
    // Two spellings of the same bytes are two tokens; only the one that was signed is good.
    if (packed === '' || ids.toString('base64url') !== packed || !isTag(ids, slotOf(what), tag)) return undefined;
    return { ...recipientOf(ids), link: what === 'o' ? 'open' : what === 'h' ? 'honeypot' : Number(what) };
  }

  return {
    sign(recipient, linkCount) {
      const ids = pack(recipient);
      const packed = ids.toString('base64url');
      const slots = linkCount + fixedSlots;
      let tags = '';
      for (let block = 0; block * tagsPerBlock < slots; block += 1) {
        tags += tagsOf(ids, block, Math.min(tagsPerBlock, slots - block * tagsPerBlock));
      }
      const tokenAt = (slot: number, what: string) => `${packed}.${what}.${tags.slice(slot * tagLength, (slot + 1) * tagLength)}`;
      return {
        open: tokenAt(0, 'o'),
        honeypot: tokenAt(1, 'h'),
        click: (link) => tokenAt(link + fixedSlots, String(link)),
      };
    },
    readOpen(token) {
      if (isFirstFormat(token)) return readFirstFormat(secret, openPurpose, token);
      const { link, ...recipient } = read(token) ?? {};
      return link === 'open' ? (recipient as TrackedRecipient) : undefined;
    },
    readClick(token) {
      if (isFirstFormat(token)) return readFirstClick(secret, token);
      const click = read(token);
      return click === undefined || click.link === 'open' ? undefined : click;
    },
  };
}

// 33 bytes with a subscriber, 17 without; no leading zeros: one number has one spelling.
const tokenFormat = /^([\w-]{44}|[\w-]{23})\.(o|h|0|[1-9]\d{0,3})\.([\w-]{16})$/;
const uuidBytes = 16;
const fixedSlots = 2;

const slotOf = (what: string): number => (what === 'o' ? 0 : what === 'h' ? 1 : Number(what) + fixedSlots);

const bytesOf = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex');

function uuidOf(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function pack({ issueId, subscriberId, variant }: TrackedRecipient): Buffer {
  return Buffer.concat([bytesOf(issueId), ...(subscriberId === null ? [] : [bytesOf(subscriberId)]), Buffer.from([variant])]);
}

function recipientOf(ids: Buffer): TrackedRecipient {
  const isAnonymous = ids.length === uuidBytes + 1;
  return {
    issueId: uuidOf(ids.subarray(0, uuidBytes)),
    subscriberId: isAnonymous ? null : uuidOf(ids.subarray(uuidBytes, 2 * uuidBytes)),
    variant: ids.at(-1) ?? 0,
  };
}

// The first format: `<payload>.<mac>`, one HMAC for each link, no variant.
const isFirstFormat = (token: string) => token.split('.').length === 2;

function readFirstFormat(secret: string, purpose: string, token: string): TrackedRecipient | undefined {
  const [issue = '', subscriber = ''] = verifyToken(secret, purpose, token)?.split('.') ?? [];
  const [issueBytes, subscriberBytes] = [Buffer.from(issue, 'base64url'), Buffer.from(subscriber, 'base64url')];
  if (issueBytes.length !== uuidBytes || subscriberBytes.length !== uuidBytes) return undefined;
  return { issueId: uuidOf(issueBytes), subscriberId: uuidOf(subscriberBytes), variant: 0 };
}

function readFirstClick(secret: string, token: string): TrackedClick | undefined {
  const recipient = readFirstFormat(secret, clickPurpose, token);
  const link = Number(verifyToken(secret, clickPurpose, token)?.split('.')[2]);
  return recipient === undefined || !Number.isInteger(link) || link < 0 || link > maxLink ? undefined : { ...recipient, link };
}
