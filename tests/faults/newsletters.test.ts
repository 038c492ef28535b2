import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from '#platform/database';
import { defineJob } from '#platform/jobs';
import { addNumberedReaders } from '../support/campaign.ts';
import { type DatabaseHold, holdAt } from '../support/database-hold.ts';
import { findFreePort } from '../support/free-port.ts';
import { isListening } from '../support/pgbouncer.ts';
import { createRoleStand, type RoleProcess, type RoleStand } from '../support/role-stand.ts';
import { createTestContext, type TestContext } from '../support/test-context.ts';
import { waitFor } from '../support/wait-for.ts';

const confirmed = 30;
const further = 300;
const readers = confirmed + further;

/** When what the mail server has taken is about to be noted: nobody knows yet but the server. */
const recording = { table: 'deliveries', change: 'update of status', when: `new.status = 'sent' and old.status <> 'sent'` };

describe('mails that leave by themselves', () => {
  let t: TestContext;
  let stand: RoleStand;
  let api: RoleProcess;
  let mailbox: RoleProcess;
  let distributor: RoleProcess;

  before(async () => {
    t = await createTestContext();
    const mailboxPort = await findFreePort();
    const environment = { DATABASE_URL: t.databaseUrl, MAILBOX_PORT: String(mailboxPort) };
    stand = await createRoleStand({ database: t.database, environment });
    mailbox = await stand.start('mailbox');
    await waitFor('the mailbox', () => isListening(mailboxPort));
    [api, distributor] = await Promise.all([stand.start('api'), stand.start('distributor')]);
  });
  after(async () => {
    await stand?.close();
    await t?.close();
  });

  const call = async (method: string, target: string, body?: object) => {
    const answer = await stand.call(api, method, `/api/v1${target}`, body);
    assert.ok(answer.status < 300, JSON.stringify(answer.json));
    return answer.json;
  };
  const run = (job: string) => t.jobs.send(t.database, defineJob(job), {});

  /** Kills the distributor while it is held; another one takes over after the leases and heartbeats of the dead. */
  async function killAt(hold: DatabaseHold): Promise<void> {
    await hold.reached();
    await distributor.kill();
    await hold.abandon();
    await t.database.execute('test.pass-leases', sql`update deliveries set next_attempt_at = now() where status in ('claimed', 'sending')`);
    await stand.passTime();
    distributor = await stand.start('distributor');
  }

  const settled = async (subject: string) => {
    const counts = await t.database.one(
      'test.settled',
      sql<{
        open: number;
        sent: number;
      }>`select count(*) filter (where d.status <> 'sent') as open, count(*) filter (where d.status = 'sent') as sent
          from newsletter_issues i join deliveries d on d.issue_id = i.id where i.subject = ${subject}`,
    );
    return counts.open === 0 && counts.sent;
  };
  const arrived = (subject: string) =>
    t.database.one(
      'test.arrived',
      sql<object>`select count(*) as mails, count(distinct envelope_to) as readers from mailbox_messages where subject = ${subject}`,
    );
  /** The mailbox keeps a second copy out, and says so. */
  const assertNothingTwice = () => assert.doesNotMatch(mailbox.output(), /came a second time/);

  test('a sequence writes to everybody once a step, though its process is killed in the middle of a step and of its mails', async () => {
    const definition = {
      trigger: { type: 'confirmed' },
      steps: [
        { id: 'hello', type: 'send', subject: 'Welcome', body: 'Hello there.' },
        { id: 'rest', type: 'wait', days: 2 },
        { id: 'more', type: 'send', subject: 'More', body: 'And more.' },
      ],
    };
    const { id } = await call('POST', '/sequences', { name: 'Welcome', definition });
    await call('POST', `/sequences/${id}/activate`);
    const enrolling = await holdAt(t, { table: 'sequence_steps_done', change: 'insert', when: `new.outcome = 'sent'` });
    for (let n = 1; n <= confirmed; n += 1) {
      await call('POST', '/subscribers', { email: `confirmed${n}@host.example.org`, confirmedBy: 'Signed the list at the fair.' });
    }
    await killAt(enrolling);
    await waitFor('the first mails', async () => (await settled('Welcome')) === confirmed);

    const noting = await holdAt(t, recording);
    await t.database.execute('test.pass-wait', sql`update sequence_enrolments set due_at = now() where due_at > now()`);
    await run('advance-sequences');
    await killAt(noting);
    await waitFor('the second mails', async () => (await settled('More')) === confirmed);
    for (const subject of ['Welcome', 'More']) assert.deepEqual(await arrived(subject), { mails: confirmed, readers: confirmed });
    const figures = await call('GET', `/sequences/${id}/figures`);
    assert.deepEqual([figures.active, figures.completed, figures.exited], [0, confirmed, 0]);
    assertNothingTwice();
  });

  test('an A/B campaign writes to everybody once, though its process is killed in the test and in the rest', async () => {
    await addNumberedReaders(t, 1, further, 5);
    const test = { share: 0.2, metric: 'clicks', hours: 4 };
    const variants = [{ subject: 'Alpha' }, { subject: 'Beta' }];
    const { id } = await call('POST', '/campaigns', { subject: 'News', body: 'All that grows.', variants, abTest: test });
    const inTest = await holdAt(t, recording);
    await call('POST', `/campaigns/${id}/send`);
    await killAt(inTest);
    const tested = await waitFor('the test', async () => {
      const { deliveries } = await call('GET', `/campaigns/${id}`);
      return deliveries.claimed + deliveries.sending === 0 &&
        deliveries.sent + deliveries.queued === readers &&
        deliveries.sent >= readers / 5
        ? deliveries
        : undefined;
    });
    assert.equal(tested.sent, readers / 5);

    const inRest = await holdAt(t, recording);
    await call('POST', `/campaigns/${id}/winner`, { variant: 1 });
    await killAt(inRest);
    const ended = await waitFor('the rest', async () => {
      const campaign = await call('GET', `/campaigns/${id}`);
      return campaign.status === 'sent' && campaign;
    });
    assert.deepEqual([ended.winner, ended.deliveries.sent, ended.deliveries.uncertain], [1, readers, 0]);
    const half = readers / 10;
    assert.deepEqual(await arrived('Alpha'), { mails: half, readers: half });
    assert.deepEqual(await arrived('Beta'), { mails: readers - half, readers: readers - half });
    const both = await t.database.one(
      'test.both',
      sql<{ readers: number }>`select count(distinct envelope_to) as readers from mailbox_messages where subject in ('Alpha', 'Beta')`,
    );
    assert.equal(both.readers, readers);
    assertNothingTwice();
  });

  test('a recurring digest that two engines find due at once leaves once', async () => {
    await distributor.kill();
    await stand.passTime();
    const { id } = await call('POST', '/recurring-digests', { name: 'Weekly', cron: '0 9 * * 1', subject: 'What is new' });
    const sections = [{ heading: 'First', paragraphs: ['It grows on wood, slowly.'] }];
    const article = {
      title: 'Java moss',
      summary: 'All of it.',
      contentType: 'guide',
      language: 'en',
      category: 'plants',
      tags: [],
      sections,
    };
    const content = await call('POST', '/content', article);
    for (const step of ['submit', 'approve', 'publish']) await call('POST', `/content/${content.id}/${step}`);
    const making = await holdAt(t, {
      table: 'recurring_digests',
      change: 'update of last_issue_id',
      when: 'new.last_issue_id is not null',
    });
    await t.database.execute('test.make-due', sql`update recurring_digests set next_run_at = now() - interval '1 minute'`);
    await Promise.all([1, 2].map(() => stand.start('scheduler,distributor')));
    for (let n = 0; n < 4; n += 1) await run('run-recurring-digests');
    await making.reached();
    // Each process makes one digest at a time: two that wait are two engines.
    await waitFor('both engines to be at it', async () => {
      const waiting = await t.database.query(
        'test.waiting',
        sql<object>`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%recurring_digests%'`,
      );
      return waiting.length >= 2;
    });
    await making.release();
    await waitFor('the digest', async () => (await settled('What is new')) === readers);
    const open = sql<object>`select 1 from pgboss.job where name = 'run-recurring-digests' and state <> 'completed'`;
    await waitFor('the end of the jobs', async () => (await t.database.query('test.open-jobs', open)).length === 0);
    const { lastOutcome } = await call('GET', `/recurring-digests/${id}`);
    assert.equal(lastOutcome, 'sent');
    assert.deepEqual(await arrived('What is new'), { mails: readers, readers });
    const issues = await t.database.query('test.digests', sql<object>`select 1 from newsletter_issues where kind = 'digest'`);
    assert.equal(issues.length, 1);
    assertNothingTwice();
  });
});
