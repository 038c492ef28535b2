import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createWorkplace, runCommand, type Workplace } from '../support/engine.ts';

const commands = ['start', 'migrate', 'ingest', 'generate', 'publish', 'send', 'jobs', 'keys', 'doctor'];

describe('the command line', () => {
  let workplace: Workplace;
  before(async () => {
    workplace = await createWorkplace();
  });
  after(() => workplace.remove());

  for (const name of commands) {
    test(`${name} --help says what it takes and starts nothing`, async () => {
      const { code, stdout } = await runCommand(workplace, [name, '--help']);
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`Usage: aquascene ${name}`));
      assert.match(stdout, /--database-url/);
    });
  }

  test('unknown flags and variables with a bad value are all named at once, exit 2, nothing started', async () => {
    const { code, stdout, stderr } = await runCommand(workplace, ['start', '--colour', '--port=http', '--verbos'], {
      LOG_LEVEL: 'loud',
      SMTP_URL: 'mail.example.com',
      DATABASE_POOL_SIZE: '-1',
    });
    assert.equal(code, 2);
    assert.equal(stdout, '');
    for (const what of [
      '--colour',
      '--verbos',
      'PORT (--port)',
      '"http"',
      'LOG_LEVEL',
      'trace, debug',
      'SMTP_URL',
      'smtp://',
      'DATABASE_POOL_SIZE',
    ]) {
      assert.ok(stderr.includes(what), `${what} is not named in:\n${stderr}`);
    }
  });

  test('an unknown command is exit 2', async () => {
    const { code, stderr } = await runCommand(workplace, ['frobnicate']);
    assert.equal(code, 2);
    assert.match(stderr, /unknown command/);
  });

  test('a missing argument and an unknown role are exit 2 with what is accepted', async () => {
    assert.equal((await runCommand(workplace, ['ingest'])).code, 2);
    const { code, stderr } = await runCommand(workplace, ['start', '--role', 'api,cook']);
    assert.equal(code, 2);
    assert.match(stderr, /"api,cook" is not accepted; give one or more of api, web-scraper/);
  });

  test('a role without a database says which variable and flag it wants', async () => {
    const { code, stderr } = await runCommand(workplace, ['start', '--role', 'api']);
    assert.equal(code, 2);
    assert.match(stderr, /DATABASE_URL \(--database-url\)/);
  });

  test('a port in use is named with its flag, and nothing is started', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(workplace.ports.http, '127.0.0.1', resolve));
    try {
      const { code, stderr, stdout } = await runCommand(workplace, ['start']);
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(`Port ${workplace.ports.http} .* in use .*--port`));
      assert.doesNotMatch(stdout, /database/);
    } finally {
      server.close();
    }
  });

  test('migrate, then keys: created, listed without its text, revoked', async () => {
    const migrated = await runCommand(workplace, ['migrate', '--json']);
    assert.equal(migrated.code, 0, migrated.stderr);
    assert.ok(JSON.parse(migrated.stdout).applied.length > 0);
    assert.deepEqual(JSON.parse((await runCommand(workplace, ['migrate', '--json'])).stdout).applied, []);

    const created = await runCommand(workplace, ['keys', 'create', 'Editor', '--scopes', 'content:read', '--json']);
    assert.equal(created.code, 0, created.stderr);
    const { id, key } = JSON.parse(created.stdout);
    assert.match(key, /^aqs_/);
    const listed = await runCommand(workplace, ['keys', 'list']);
    assert.match(listed.stdout, /Editor/);
    assert.ok(!listed.stdout.includes(key));
    assert.equal((await runCommand(workplace, ['keys', 'revoke', id])).code, 0);
    assert.match((await runCommand(workplace, ['keys', 'list'])).stdout, /revoked/);
    const wrong = await runCommand(workplace, ['keys', 'create', 'X', '--scopes', 'everything']);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /everything.*accepted are/);
  });

  test('doctor names each dependency and masks secrets', async () => {
    const { code, stdout } = await runCommand(workplace, ['doctor'], { OPENAI_API_KEY: 'sk-hunter2' });
    assert.equal(code, 0, stdout);
    assert.match(stdout, /PostgreSQL 18/);
    assert.match(stdout, /OpenAI/);
    assert.doesNotMatch(stdout, /hunter2/);
  });

  test('doctor fails when the database cannot be reached', async () => {
    const { code, stdout } = await runCommand(workplace, ['doctor', '--json'], { DATABASE_URL: 'postgresql://nobody:x@127.0.0.1:1/x' });
    assert.equal(code, 1);
    const database = JSON.parse(stdout).findings.find((finding: { what: string }) => finding.what === 'database');
    assert.equal(database.state, 'failed');
  });
});
