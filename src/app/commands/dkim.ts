import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { domainToASCII } from 'node:url';
import { generateDkimKey, isDkimName } from '#platform/mail';
import { messageOf } from '#shared/errors';
import { type CommandDefinition, exitCodes } from '../command-definition.ts';
import { ConfigError } from '../config.ts';

const keyTypes = ['rsa', 'ed25519'] as const;
type KeyType = (typeof keyTypes)[number];

const isKeyType = (text: string): text is KeyType => keyTypes.some((type) => type === text);
const defaultSelector = 'aquascene';
/** RFC 1035: a string of a TXT record is no longer; a longer text is several, which are read as one. */
const maxStringLength = 255;

/** Never over a file that is there: it may hold the key that the published record belongs to. */
async function saveKey(file: string, pem: string): Promise<void> {
  try {
    await writeFile(file, pem, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new ConfigError([`--out: ${isThere ? `${file} is there already; give another name.` : messageOf(error)}`]);
  }
}

function quoteStrings(record: string): string {
  return (record.match(new RegExp(`.{1,${maxStringLength}}`, 'g')) ?? []).map((part) => `"${part}"`).join(' ');
}

export const dkimCommand: CommandDefinition = {
  name: 'dkim',
  summary: 'make a key that signs the mails of a domain, and print its DNS record',
  description:
    'Makes a DKIM key and prints the DNS record to publish. Mails are signed once the file is named in DKIM_KEYS. ' +
    'Every mail provider verifies RSA; Ed25519 is best used beside it, with a selector of its own.',
  arguments: [{ name: 'domain', description: 'the domain of the sender address, such as example.com' }],
  options: [
    {
      flags: '--selector <name>',
      description: `name of the key among the domain's keys (default: ${defaultSelector})`,
      check: (value) => (isDkimName(value) ? undefined : 'give lower-case letters, digits and hyphens'),
    },
    {
      flags: '--type <type>',
      description: 'rsa (2048 bits) or ed25519 (default: rsa)',
      check: (value) => (isKeyType(value) ? undefined : `give ${keyTypes.join(' or ')}`),
    },
    { flags: '--out <file>', description: 'new file for the private key, readable by its owner alone' },
  ],
  takesJson: true,
  examples: [
    'dkim example.com --selector news2026 --out /etc/aquascene/dkim.pem',
    'dkim example.com --type ed25519 --selector ed2026 --out ed.pem',
  ],
  async run({ arguments: [given = ''], options, isJson }) {
    const domain = domainToASCII(given).toLowerCase();
    if (!isDkimName(domain) || !domain.includes('.')) throw new ConfigError([`"${given}" is no domain.`]);
    if (typeof options.out !== 'string' || options.out === '') throw new ConfigError(['--out is missing: the file for the private key.']);
    const selector = typeof options.selector === 'string' ? options.selector : defaultSelector;
    const type = typeof options.type === 'string' && isKeyType(options.type) ? options.type : 'rsa';
    const file = path.resolve(options.out);
    const { pem, record } = generateDkimKey(type);
    await saveKey(file, pem);
    const name = `${selector}._domainkey.${domain}`;
    const setting = `${selector}@${domain}=${file}`;
    if (isJson) console.log(JSON.stringify({ file, name, type: 'TXT', record, setting }));
    else {
      console.log(`The private key is in ${file}. Publish this record, then add ${setting} to DKIM_KEYS:\n`);
      console.log(`${name}. IN TXT ${quoteStrings(record)}`);
    }
    return exitCodes.done;
  },
};
