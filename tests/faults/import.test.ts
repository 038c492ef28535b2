import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { sql } from '#platform/database';
import { holdAt } from '../support/database-hold.ts';
import { createRoleStand, type RoleProcess, type RoleStand } from '../support/role-stand.ts';
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';
import { createTestContext, type TestContext } from '../support/test-context.ts';
import { waitFor } from '../support/wait-for.ts';

/** Only ends a test that hangs. */
const giveUpAfterMs = 300_000;
const rows = 60_000;
const faultyEvery = 2000;
const tooSmallMegabytes = 1;
const enoughMegabytes = 200;
const base = '/api/v1/subscriber-imports';
const csv = { 'content-type': 'text/csv' };

const listOf = (count: number) =>
  [
    'email,name,tags',
    ...Array.from(
      { length: count },
      (_, n) => `${n % faultyEvery === 0 ? 'nobody' : `reader${n}@host${n % 50}.example.org`},Reader ${n},moss;wood`,
    ),
  ].join('\n');

const probe = mountSmallDisk(1);
probe?.remove();

describe('a list of 60,000 subscribers', { skip: probe === undefined && 'this user may not mount a small disk' }, () => {
  const list = listOf(rows);
  let t: TestContext;
  let stand: RoleStand;
  let api: RoleProcess;
  let disk: SmallDisk;
  let importId: string;

  before(async () => {
    t = await createTestContext();
    const mounted = mountSmallDisk(tooSmallMegabytes);
    assert.ok(mounted);
    disk = mounted;
    stand = await createRoleStand({ database: t.database, environment: { DATABASE_URL: t.databaseUrl, STORAGE_DIR: disk.folder } });
    api = await stand.start('api');
  });
  after(async () => {
    await stand?.close();
    disk?.remove();
    await t?.close();
  });

  const filesOnDisk = () => readdirSync(disk.folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());

  test('is refused with 507 where the disk is full in the middle of it, leaves nothing, and is taken when there is space', async () => {
    const refused = await stand.call(api, 'POST', base, list, csv);
    assert.equal(refused.status, 507, JSON.stringify(refused.json));
    assert.match(refused.headers.get('content-type') ?? '', /^application\/problem\+json/);
    assert.equal(refused.json.code, 'storage_full');
    assert.deepEqual(filesOnDisk(), []);
    assert.deepEqual((await stand.call(api, 'GET', base)).json.items, []);
    const jobs = await t.database.query('test.jobs', sql<object>`select 1 from pgboss.job where name = 'import-subscribers'`);
    assert.deepEqual(jobs, []);

    disk.resize(enoughMegabytes);
    const taken = await stand.call(api, 'POST', base, list, csv);
    assert.equal(taken.status, 202, JSON.stringify(taken.json));
    importId = taken.json.id;
    assert.deepEqual([taken.json.sizeBytes, filesOnDisk().length > 0], [Buffer.byteLength(list), true]);
  });

  test('is imported once though its worker is killed twice in the middle of a transaction', async () => {
    for (const point of [rows / 4, rows / 2]) {
      const hold = await holdAt(t, {
        table: 'subscriber_imports',
        change: 'update of rows_done',
        when: `old.rows_done < ${point} and new.rows_done >= ${point}`,
      });
      const worker = await stand.start('subscriber-manager');
      await hold.reached();
      await worker.kill();
      await hold.abandon();
      await stand.passTime();
      const { rowsDone, status } = (await stand.call(api, 'GET', `${base}/${importId}`)).json;
      assert.ok(rowsDone < point && status === 'running', `${status} at ${rowsDone}`);
    }
    await stand.start('subscriber-manager');
    const ended = await waitFor(
      'the end of the import',
      async () => {
        const { json } = await stand.call(api, 'GET', `${base}/${importId}`);
        return json.status !== 'running' && json;
      },
      giveUpAfterMs,
    );
    const faulty = rows / faultyEvery;
    const { status, rowsDone, created, updated, unchanged, skipped, faulty: faults } = ended;
    assert.deepEqual(
      { status, rowsDone, created, updated, unchanged, skipped, faults },
      { status: 'finished', rowsDone: rows, created: rows - faulty, updated: 0, unchanged: 0, skipped: {}, faults: faulty },
    );
    const found = await t.database.one(
      'test.count',
      sql<object>`select count(*) as subscribers, count(distinct lower(email)) as addresses,
            (select count(*) from consents where action = 'imported') as consents,
            (select count(distinct subscriber_id) from consents) as consenting,
            (select count(*) from subscriber_import_faults) as faults
          from subscribers where status = 'active'`,
    );
    const good = rows - faulty;
    assert.deepEqual(found, { subscribers: good, addresses: good, consents: good, consenting: good, faults: faulty });
  });
});
