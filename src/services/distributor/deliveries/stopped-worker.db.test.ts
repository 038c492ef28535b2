import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from '#platform/database';
import { createTestContext, type TestContext } from '../../../../tests/support/test-context.ts';
import { waitFor } from '../../../../tests/support/wait-for.ts';
import { createDesk, type Desk } from '../testing/desk.ts';
import { createMailbox, createNewsroom, type Mailbox } from '../testing/newsroom.ts';

const workerFile = path.resolve(import.meta.dirname, '../testing/delivering-worker.ts');
const readerCount = 900;

let t: TestContext;
let desk: Desk;
let mailbox: Mailbox;

before(async () => {
  t = await createTestContext();
  desk = await createDesk(t);
  mailbox = await createMailbox(t);
});
after(async () => {
  await mailbox.close();
  await t.close();
});
beforeEach(() => desk.clear());

async function countArrived(): Promise<number> {
  const row = await t.database.one('test.count', sql<{ count: number }>`select count(*) as count from mailbox_messages`);
  return row.count;
}

// The clock of this process is an hour ahead: to it, whatever the other has claimed has been left long ago.
test('a worker that is stopped while it sends, and goes on when another has done its work, sends nobody a second mail', async () => {
  const newsroom = createNewsroom(t, mailbox.transport);
  const { id } = await desk.startIssue(newsroom, readerCount);
  await newsroom.prepare(id);
  await t.database.execute('test.due', sql`update deliveries set next_attempt_at = now()`);
  const worker = spawn(process.execPath, [workerFile, t.databaseUrl, String(mailbox.port)], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = new Promise<number | null>((resolve) => worker.once('exit', (code) => resolve(code)));
  try {
    await waitFor('the first mails', async () => (await countArrived()) >= 100);
    worker.kill('SIGSTOP');
    assert.notEqual((await newsroom.distributor.issueStatus(id)).status, 'sent', 'it was stopped in the middle');
    await newsroom.runNow('resume-issues');
    await newsroom.runJobs();
    assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: readerCount });
  } finally {
    worker.kill('SIGCONT');
  }
  assert.equal(await exited, 0);
  assert.deepEqual(await desk.statusOf(newsroom, id), { status: 'sent', sent: readerCount });
  await desk.assertEachOnce(readerCount);
  assert.deepEqual(await desk.eventsOf(id), ['issue.started', 'issue.finished']);
});
