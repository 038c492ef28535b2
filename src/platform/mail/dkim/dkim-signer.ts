import { hash, type KeyObject, sign } from 'node:crypto';
import type { Clock } from '#shared/clock';
import { relaxBody, relaxHeader } from './canonical.ts';
import type { DkimKey } from './dkim-keys.ts';

export type DkimSigner = {
  /**
   * The message with a signature in front for each key of its From domain, or of the nearest domain above (both are aligned
   * for DMARC); as it is when there is none.
   */
  sign(message: Buffer): Promise<Buffer>;
};

// Signed once more than they stand there: one that somebody adds on the way breaks the signature (RFC 6376, 8.15).
const oversignedNames = [
  ...['from', 'to', 'cc', 'subject', 'date', 'message-id', 'reply-to', 'mime-version', 'content-type'],
  // RFC 8058, 4: a one-click address counts only when both are signed.
  ...['list-unsubscribe', 'list-unsubscribe-post'],
];
// Signed where they stand. Relays and lists may add their own.
const signedNames = [
  'content-transfer-encoding',
  'list-id',
  'feedback-id',
  'precedence',
  'auto-submitted',
  'sender',
  'in-reply-to',
  'references',
];

const maxLineLength = 76;

/**
 * RFC 6376 with RSA and Ed25519 (RFC 8463), relaxed/relaxed. The signatures are computed on libuv's threads: of an RSA-2048
 * one (250 µs) 20 µs stay on the calling thread, less than to hand a message to a worker and back.
 */
export function createDkimSigner(options: { readonly keys: readonly DkimKey[]; readonly clock: Clock }): DkimSigner {
  const keysByDomain = Map.groupBy(options.keys, ({ domain }) => domain);

  function keysOf(fromDomain: string): readonly DkimKey[] {
    for (let domain = fromDomain; domain.includes('.'); domain = domain.slice(domain.indexOf('.') + 1)) {
      const keys = keysByDomain.get(domain);
      if (keys !== undefined) return keys;
    }
    return keysByDomain.get(fromDomain) ?? [];
  }

  return {
    async sign(message) {
      const headEnd = message.indexOf('\r\n\r\n');
      const bodyStart = headEnd === -1 ? message.length : headEnd + 4;
      const headers = readHead(message.toString('latin1', 0, headEnd === -1 ? message.length : headEnd));
      const keys = keysOf(fromDomainOf(headers.get('from')?.at(-1) ?? ''));
      if (keys.length === 0) return message;
      const signed = selectHeaders(headers);
      const bodyHash = hash('sha256', relaxBody(message.subarray(bodyStart)), 'base64');
      const time = Math.floor(options.clock.now().getTime() / 1000);
      const fields = await Promise.all(keys.map((key) => signatureField(key, { ...signed, bodyHash, time })));
      return Buffer.concat([Buffer.from(fields.join(''), 'latin1'), message]);
    },
  };
}

/** Every header, relaxed, by its name and in the order of the message. */
function readHead(head: string): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const line of head.split(/\r\n(?![\t ])/)) {
    if (!line.includes(':')) continue;
    const relaxed = relaxHeader(line);
    const name = relaxed.slice(0, relaxed.indexOf(':'));
    const same = headers.get(name);
    if (same === undefined) headers.set(name, [relaxed]);
    else same.push(relaxed);
  }
  return headers;
}

const fromDomainOf = (from: string): string => /@([\w.-]+)>?$/.exec(from)?.[1]?.toLowerCase() ?? '';

type Signed = { readonly names: readonly string[]; readonly text: string };

/** The names for `h=`, and the headers that they stand for, the lowest of a name first (RFC 6376, 5.4.2). */
function selectHeaders(headers: ReadonlyMap<string, readonly string[]>): Signed {
  const names: string[] = [];
  let text = '';
  const take = (name: string) => {
    for (const line of headers.get(name)?.toReversed() ?? []) {
      names.push(name);
      text += `${line}\r\n`;
    }
  };
  for (const name of oversignedNames) {
    take(name);
    names.push(name);
  }
  signedNames.forEach(take);
  return { names, text };
}

/** The signature's own header, its line end included. */
async function signatureField(key: DkimKey, signed: Signed & { readonly bodyHash: string; readonly time: number }): Promise<string> {
  const tags = [`v=1; a=${key.algorithm}; c=relaxed/relaxed;`, `d=${key.domain};`, `s=${key.selector}; t=${signed.time};`];
  const field = `DKIM-Signature: ${tags.join('\r\n ')}\r\n ${foldNames(signed.names)};\r\n bh=${signed.bodyHash};\r\n b=`;
  const signature = await signData(key, Buffer.from(`${signed.text}${relaxHeader(field)}`, 'latin1'));
  return `${field}${signature.toString('base64').replace(/.{72}(?=.)/g, '$&\r\n ')}\r\n`;
}

/** Blanks are allowed around the colons. */
function foldNames(names: readonly string[]): string {
  let folded = 'h=';
  let column = 3;
  for (const [index, name] of names.entries()) {
    const token = index === names.length - 1 ? name : `${name}:`;
    if (column + token.length + 1 > maxLineLength) {
      folded += '\r\n ';
      column = 1;
    }
    folded += token;
    column += token.length;
  }
  return folded;
}

function signData({ algorithm, privateKey }: DkimKey, data: Buffer): Promise<Buffer> {
  if (algorithm === 'rsa-sha256') return signOnPool('sha256', data, privateKey);
  // RFC 8463, 3: PureEdDSA over the hash.
  return signOnPool(null, hash('sha256', data, 'buffer'), privateKey);
}

function signOnPool(digest: string | null, data: Buffer, key: KeyObject): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign(digest, data, key, (error, signature) => (error === null ? resolve(signature) : reject(error)));
  });
}
