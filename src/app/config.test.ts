import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { renderConfigurationReference } from '../../scripts/write-configuration-reference.ts';
import { ConfigError, describeConfig, loadConfig } from './config.ts';

function faultsOf(environment: Record<string, string>, others: string[] = []): readonly string[] {
  try {
    loadConfig(environment, others);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults;
  }
  return [];
}

test('nothing set is a valid configuration: embedded database, mailbox and sample web', () => {
  const config = loadConfig({});
  assert.equal(config.database.url, undefined);
  assert.equal(config.mail.isMailbox, true);
  assert.equal(config.sample.isOn, true);
  assert.equal(config.site.baseUrl, 'http://localhost:8000');
  assert.deepEqual(config.crawl.allowedPrivateHosts, ['*.localhost:8020']);
});

test('with a database of one’s own the sample workspace stays out, and no private host may be crawled', () => {
  const config = loadConfig({ DATABASE_URL: 'postgresql://db.example/x' });
  assert.equal(config.sample.isOn, false);
  assert.deepEqual(config.crawl.allowedPrivateHosts, []);
});

test('all faults are reported together, each with what was given and what is accepted', () => {
  const faults = faultsOf({ PORT: 'eighty', LOG_LEVEL: 'loud', BASE_URL: 'ftp://x', DATABASE_POOL_SIZE: '0' }, ['--colour: unknown flag']);
  assert.equal(faults.length, 5);
  assert.equal(faults[0], '--colour: unknown flag');
  assert.match(faults[1] ?? '', /^PORT \(--port\): "eighty" is not accepted; give a whole number from 1 to 65535\.$/);
  assert.match(faults.join('\n'), /LOG_LEVEL.*"loud".*trace, debug/);
  assert.match(faults.join('\n'), /BASE_URL.*http:\/\//);
});

test('settings that need one another are named together', () => {
  const faults = faultsOf({
    DATABASE_REPLICA_URLS: 'postgres://a/x, postgres://b/x',
    DATABASE_POOLER: 'pgbouncer',
    EVENTS_DRIVER: 'redis',
    STORAGE: 's3',
    S3_ACCESS_KEY_ID: 'key',
  });
  const named = ['DATABASE_URL', 'DATABASE_URL', 'DATABASE_DIRECT_URL', 'REDIS_URL', 'S3_BUCKET', 'S3_SECRET_ACCESS_KEY'];
  assert.deepEqual(
    faults.map((fault) => fault.split(':')[0]),
    named,
  );
});

test('a cluster is described by its addresses', () => {
  const { database, redisUrl, storage, batchSizes } = loadConfig({
    DATABASE_URL: 'postgres://pooler/x',
    DATABASE_REPLICA_URLS: 'postgres://a/x, postgres://b/x',
    DATABASE_POOLER: 'pgbouncer',
    DATABASE_DIRECT_URL: 'postgres://primary/x',
    REDIS_URL: 'redis+sentinel://a:1,b:2/main',
    STORAGE: 's3',
    S3_BUCKET: 'media',
    S3_ENDPOINT: 'http://minio:9000',
    PROVIDER_BATCH_SIZES: 'openai=8,default=2',
  });
  assert.deepEqual(database.replicaUrls, ['postgres://a/x', 'postgres://b/x']);
  assert.equal(database.isPooled, true);
  assert.equal(redisUrl, 'redis+sentinel://a:1,b:2/main');
  assert.deepEqual(storage, { kind: 's3', bucket: 'media', endpoint: 'http://minio:9000', region: 'us-east-1', isPathStyle: false });
  assert.deepEqual(batchSizes, { openai: 8, default: 2 });
});

test('mail goes to the transports that are named, within the limits of hosts, and each fault is told by itself', () => {
  const { mail } = loadConfig({ SMTP_URL: 'smtp://a.example?name=a, smtp://b.example?per-second=5', MAIL_HOST_LIMITS: 'gmail.com=20/s' });
  assert.equal(mail.isMailbox, false);
  assert.deepEqual(
    mail.transports.map(({ name, rates }) => [name, rates]),
    [
      ['a', {}],
      ['transport-2', { second: 5 }],
    ],
  );
  assert.deepEqual(mail.hostLimits.get('gmail.com'), { second: 20 });
  const faults = faultsOf({ SMTP_URL: 'smtp://u:hunter2@a.example?weight=0, ftp://b.example', MAIL_HOST_LIMITS: 'gmail.com=fast' });
  assert.deepEqual(
    faults.map((fault) => fault.split(' ')[0]),
    ['SMTP_URL:', 'SMTP_URL:', 'MAIL_HOST_LIMITS:'],
  );
  assert.ok(!faults.join().includes('hunter2'));
});

test('an address of Redis that is none is refused without being shown', () => {
  const faults = faultsOf({ REDIS_URL: 'redis://:hunter2@a,b' });
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? '', /REDIS_URL: the value given \(not shown\) is not accepted; give redis:\/\//);
});

test('two servers on one port are refused', () => {
  assert.match(faultsOf({ PORT: '8025' }).join(), /MAILBOX_PORT: 8025 is the value of PORT too/);
});

test('a faulty secret is not shown, and the description of the configuration masks secrets', () => {
  const secret = 'mysql://root:hunter2@db/x';
  assert.doesNotMatch(faultsOf({ DATABASE_URL: secret, APP_SECRET: 'hunter2' }).join(), /hunter2/);
  assert.doesNotMatch(JSON.stringify(describeConfig({ OPENAI_API_KEY: 'hunter2' })), /hunter2/);
});

test('the configuration cannot be changed afterwards', () => {
  const config = loadConfig({});
  assert.throws(() => Object.assign(config.http, { port: 1 }), TypeError);
});

test('docs/configuration.md is what the table of variables says', () => {
  const file = path.resolve(import.meta.dirname, '../../docs/configuration.md');
  assert.equal(readFileSync(file, 'utf8'), renderConfigurationReference());
});
