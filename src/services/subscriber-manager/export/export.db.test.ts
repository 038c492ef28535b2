import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { startTestStand, type TestStand } from '../testing/test-stand.ts';

let t: TestContext;
let stand: TestStand;

before(async () => {
  t = await createTestContext();
  stand = await startTestStand(t);
  const rows = Array.from({ length: 4500 }, (_, index) => `reader-${index}@example.com,,BG,${index % 2 === 0 ? 'even' : 'odd'}\n`);
  await stand.importCsv(`email,name,country,tags\nformula@example.com,"=HYPERLINK(""http://evil.example"")",BG,even\n${rows.join('')}`);
});
after(async () => {
  await stand.close();
  await t.close();
});

const exported = async (query: string) => {
  const { status, body } = await stand.call('GET', `/api/v1/subscribers/export?${query}`);
  assert.equal(status, 200, body.slice(0, 300));
  return body;
};

test('everybody is in the file once, and text that would be a formula is guarded', async () => {
  const lines = (await exported('')).trim().split('\r\n');
  assert.equal(lines.length, 4502);
  assert.equal(new Set(lines).size, 4502);
  assert.ok(lines.some((line) => line.includes('"\'=HYPERLINK(""http://evil.example"")"')));
  assert.ok(lines.every((line) => !/(^|,)"?=/.test(line)));
});

test('a segment and a status narrow it down', async () => {
  const rules = { all: [{ field: 'tags', operator: 'contains_any', value: ['even'] }] };
  const { json } = await stand.call('POST', '/api/v1/segments', { name: 'even', rules });
  assert.equal((await exported(`segmentId=${json.id}&format=ndjson`)).trim().split('\n').length, 2251);
  assert.equal((await exported('status=unsubscribed')).trim().split('\r\n').length, 1);
  assert.equal((await stand.call('GET', '/api/v1/subscribers/export?segmentId=0199a5b0-0000-7000-8000-00000000dead')).status, 404);
});

test('what was exported is imported again as it was', async () => {
  const file = await exported('status=active');
  const again = await stand.importCsv(file, { mapping: { status: null, source: null }, mode: 'overwrite' });
  assert.deepEqual([again.created, again.updated, again.unchanged, again.faulty], [0, 0, 4501, 0]);
  const lines = await exported('format=ndjson');
  const fromLines = await stand.importCsv(lines, { format: 'ndjson', mapping: { status: null, source: null }, mode: 'overwrite' });
  assert.deepEqual([fromLines.unchanged, fromLines.faulty], [4501, 0], JSON.stringify(fromLines.faults[0]));
});
