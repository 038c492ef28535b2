import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { createLogger } from '#platform/telemetry';
import { ConfigError, loadConfig } from '../config.ts';
import { findDkimFaults } from '../dkim-faults.ts';
import { dkimCommand } from './dkim.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'dkim-'));
});
after(() => rm(folder, { recursive: true }));

const logger = createLogger({ level: 'fatal', format: 'json', role: 'test' });

async function run(domain: string, options: Record<string, string>): Promise<string> {
  const printed: string[] = [];
  const { log } = console;
  console.log = (text: string) => void printed.push(text);
  try {
    await dkimCommand.run({
      config: loadConfig({}),
      environment: {},
      logger,
      arguments: [domain],
      options,
      isJson: options.json === 'yes',
    });
  } finally {
    console.log = log;
  }
  return printed.join('\n');
}

test('a key is made for its owner alone, and its record belongs to it', async () => {
  for (const type of ['rsa', 'ed25519']) {
    const out = path.join(folder, `${type}.pem`);
    const text = await run('Bücher.example', { out, type, selector: `s-${type}` });
    assert.equal((await stat(out)).mode & 0o777, 0o600);
    const strings = [...text.matchAll(/"([^"]*)"/g)].map(([, part = '']) => part);
    assert.ok(strings.every(({ length }) => length <= 255));
    const published = /^v=DKIM1; k=(.*); p=(.*)$/.exec(strings.join(''));
    const der = createPublicKey(await readFile(out, 'utf8')).export({ type: 'spki', format: 'der' });
    assert.deepEqual(published?.slice(1), [type, (type === 'rsa' ? der : der.subarray(-32)).toString('base64')]);
    assert.match(text, new RegExp(`^s-${type}\\._domainkey\\.xn--bcher-kva\\.example\\. IN TXT "`, 'm'));
    const config = loadConfig({ DKIM_KEYS: `s-${type}@xn--bcher-kva.example=${out}` });
    assert.deepEqual(await findDkimFaults(config), []);
  }
});

test('a file that is there is never written over', async () => {
  const out = path.join(folder, 'once.pem');
  const { file } = JSON.parse(await run('example.com', { out, json: 'yes' })) as { file: string };
  const first = await readFile(file, 'utf8');
  await assert.rejects(
    run('example.com', { out }),
    (error: unknown) => error instanceof ConfigError && /is there already/.test(error.message),
  );
  assert.equal(await readFile(file, 'utf8'), first);
});

test('what is no domain, and a missing file name, are refused before anything is made', async () => {
  for (const domain of ['', 'example', 'a b.com', 'a;b.com', '-a.com']) {
    await assert.rejects(run(domain, { out: path.join(folder, 'never.pem') }), ConfigError, domain);
  }
  await assert.rejects(run('example.com', {}), ConfigError);
  await assert.rejects(stat(path.join(folder, 'never.pem')));
});

test('a key that cannot be used is named before anything starts', async () => {
  const config = loadConfig({ DKIM_KEYS: `a@example.com=${path.join(folder, 'away.pem')}` });
  const faults = await findDkimFaults(config);
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? '', /^DKIM_KEYS: a@example\.com cannot sign: .*away\.pem.*ENOENT/);
});
