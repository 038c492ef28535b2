import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { createStorage } from '#platform/storage';
import { createTestContext, type TestContext } from '../../tests/support/test-context.ts';
import { waitFor } from '../../tests/support/wait-for.ts';
import { createMaintenance } from './maintenance.ts';
import { isRole } from './roles.ts';

let t: TestContext;
before(async () => {
  t = await createTestContext();
});
after(async () => t.close());

test('answers kept for a repeated request are gone a day later, and with them what they said of a person', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'aquascene-objects-'));
  const config = { kind: 'folder', folder } as const;
  const storage = createStorage({ ...t, config, publicUrl: 'http://localhost:8000', secret: 'a secret of the tests' });
  const maintenance = createMaintenance({ ...t, storage });
  assert.ok(isRole(maintenance.name));
  await t.database.execute(
    'test.answers',
    sql`insert into idempotency_keys (caller, key, request_hash, status_code, body, created_at)
        select 'caller', 'key ' || hour, '\\x00', 201, '{"email":"somebody@example.org"}', now() - make_interval(hours => hour) from generate_series(1, 48) as hour`,
  );
  await t.jobs.prepare(maintenance.jobs.map(({ definition }) => definition));
  await t.jobs.work(maintenance.jobs);
  for (const { definition } of maintenance.schedules) await t.jobs.send(t.database, definition, {});
  await waitFor('the old answers to go', async () => {
    const row = await t.database.one<{ count: number }>('test.count', sql`select count(*)::int as count from idempotency_keys`);
    return row.count === 23;
  });
  rmSync(folder, { recursive: true });
});
