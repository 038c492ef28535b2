import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AppError, messageOf } from '#shared/errors';

export type DkimAlgorithm = 'rsa-sha256' | 'ed25519-sha256';

export type DkimKey = {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: DkimAlgorithm;
  readonly privateKey: KeyObject;
};

/** Where a domain's key lies: a PEM file. */
export type DkimKeyFile = { readonly domain: string; readonly selector: string; readonly path: string };

/** RFC 8301: verifiers must not take shorter ones. */
const minRsaBits = 1024;
const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const namePattern = new RegExp(`^${label}(?:\\.${label})*$`);

/** Whether it can stand in the name under which the key is published: letters of ASCII, digits and hyphens (IDNA applied). */
export const isDkimName = (name: string): boolean => name.length <= 253 && namePattern.test(name);

/** @throws AppError `invalid_dkim_key` when it is neither RSA of 1024 bits or more nor Ed25519. Nothing of the key is in the message. */
export function readDkimKey(pem: string | Buffer): Pick<DkimKey, 'algorithm' | 'privateKey'> {
  const privateKey = parsePem(pem);
  const { asymmetricKeyType, asymmetricKeyDetails } = privateKey;
  if (asymmetricKeyType === 'ed25519') return { algorithm: 'ed25519-sha256', privateKey };
  if (asymmetricKeyType !== 'rsa') throw unusable(`a key of the type ${asymmetricKeyType}; DKIM takes RSA and Ed25519`);
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < minRsaBits) throw unusable(`an RSA key of ${bits} bits; at least ${minRsaBits} are needed, 2048 are usual`);
  return { algorithm: 'rsa-sha256', privateKey };
}

function parsePem(pem: string | Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // Not the cause: what a parser says of a secret is not for a log.
    throw unusable('no private key in PEM, or one with a passphrase');
  }
}

const unusable = (what: string) => new AppError('invalid_dkim_key', what, { status: 422 });

/**
 * Reads the files, in their order.
 * @throws AppError `invalid_dkim_key` that names, as fields, every file that cannot be used and why
 */
export async function loadDkimKeys(files: readonly DkimKeyFile[]): Promise<DkimKey[]> {
  const keys: DkimKey[] = [];
  const fields: { path: string; message: string }[] = [];
  for (const { domain, selector, path } of files) {
    try {
      keys.push({ domain, selector, ...readDkimKey(await readFile(path)) });
    } catch (error) {
      fields.push({ path: `${selector}@${domain}`, message: `${path}: ${messageOf(error)}` });
    }
  }
  if (fields.length > 0) throw new AppError('invalid_dkim_key', 'A DKIM key cannot be used.', { status: 422, fields });
  return keys;
}

/** A new key pair. `record` is what is published as TXT under `<selector>._domainkey.<domain>` (RFC 6376, 3.6.1; RFC 8463, 4.2). */
export function generateDkimKey(type: 'rsa' | 'ed25519'): { readonly pem: string; readonly record: string } {
  const { privateKey } = type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ed25519');
  return { pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), record: dkimRecordOf(privateKey) };
}

function dkimRecordOf(privateKey: KeyObject): string {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  // Of Ed25519 the bare 32 bytes are published, which are the last of the structure.
  const isRsa = privateKey.asymmetricKeyType === 'rsa';
  const published = isRsa ? spki : spki.subarray(-32);
  return `v=DKIM1; k=${isRsa ? 'rsa' : 'ed25519'}; p=${published.toString('base64')}`;
}
