import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from '#platform/database';
import { type ApiDesk, createApiDesk } from '../../testing/api-desk.ts';
import { addArticles, addReaders } from '../../testing/newsroom.ts';
import { engagementKinds } from '../../tracking/email-event.ts';

let desk: ApiDesk;
let articles: string[];
const hourMs = 3600_000;

before(async () => {
  desk = await createApiDesk();
  articles = await addArticles(desk.t, 1);
});
after(() => desk.close());
beforeEach(async () => {
  desk.t.clock.set('2027-03-01T00:00:00Z');
  await desk.t.database.execute(
    'test.clear',
    sql`truncate subscribers, deliveries, newsletter_issues, mailbox_messages, email_engagements, pgboss.job cascade`,
  );
});

const variants = [{ subject: 'Alpha' }, { subject: 'Beta' }, { subject: 'Gamma' }];

/** Sends the test's part of a campaign to so many readers. */
async function startTest(readers: number, share: number): Promise<string> {
  await addReaders(desk.t, readers);
  const abTest = { share, metric: 'clicks', hours: 4 };
  const { json } = await desk.call('POST', '/campaigns', { subject: 'News', articleIds: articles, variants, abTest });
  assert.equal((await desk.call('POST', `/campaigns/${json.id}/send`)).status, 200);
  await desk.run();
  return json.id;
}

async function engage(
  issueId: string,
  variant: number,
  count: number,
  options: { readonly human: number; readonly kind: number },
): Promise<void> {
  await desk.t.database.execute(
    'test.engage',
    sql`insert into email_engagements (issue_id, subscriber_id, what, events, human, variant, first_at, last_at)
        select issue_id, subscriber_id, ${options.kind}::smallint, 1, ${options.human}::int, variant, now(), now() from deliveries
        where issue_id = ${issueId}::uuid and variant = ${variant} and status = 'sent' order by subscriber_id limit ${count}`,
  );
}

async function subjects(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { subject } of await desk.mails()) counts[subject] = (counts[subject] ?? 0) + 1;
  return counts;
}

test('a part gets the variants in equal shares, the rest waits, and gets the winner after so many hours', async () => {
  const id = await startTest(60, 0.5);
  assert.deepEqual(await subjects(), { Alpha: 10, Beta: 10, Gamma: 10 });
  const waiting = await desk.call('GET', `/campaigns/${id}`);
  assert.deepEqual([waiting.json.status, waiting.json.deliveries.queued, waiting.json.winner], ['sending', 30, null]);

  await desk.run('advance-ab-tests');
  const { abDecideAt } = (await desk.call('GET', `/campaigns/${id}`)).json;
  assert.equal(new Date(abDecideAt).getTime(), desk.t.clock.now().getTime() + 4 * hourMs);
  await engage(id, 2, 3, { human: 1, kind: engagementKinds.click });
  await engage(id, 0, 9, { human: 0, kind: engagementKinds.click });
  await engage(id, 1, 9, { human: 1, kind: engagementKinds.open });
  const state = (await desk.call('GET', `/campaigns/${id}/ab-test`)).json;
  assert.deepEqual(
    [state.leader, state.isSignificant, state.pValue, state.variants.map((row: { engaged: number }) => row.engaged)],
    [2, false, null, [0, 0, 3]],
    'what machines did, and opens, are no clicks of readers; of so few nothing can be said',
  );

  desk.t.clock.set(new Date(new Date(abDecideAt).getTime() - 1));
  await desk.run('advance-ab-tests');
  assert.equal((await desk.call('GET', `/campaigns/${id}`)).json.winner, null);
  desk.t.clock.set(abDecideAt);
  // As two processes would, and one that was killed in between.
  await Promise.all([1, 2].map(() => desk.newsroom.runNow('advance-ab-tests')));
  await desk.run('advance-ab-tests', 'advance-ab-tests');
  const { json } = await desk.call('GET', `/campaigns/${id}`);
  assert.deepEqual([json.status, json.winner, json.abResult.decidedBy, json.deliveries.sent], ['sent', 2, 'engagement', 60]);
  assert.deepEqual(await subjects(), { Alpha: 10, Beta: 10, Gamma: 40 });
  assert.equal((await desk.actionsOf(`campaign:${id}`)).filter((entry) => entry === 'ab-test campaign.winner-chosen').length, 1);
});

test('of equals the first wins', async () => {
  const id = await startTest(6, 0.5);
  await desk.run('advance-ab-tests');
  desk.t.clock.advance(4 * hourMs);
  await desk.run('advance-ab-tests', 'advance-ab-tests');
  assert.equal((await desk.call('GET', `/campaigns/${id}`)).json.winner, 0);
  assert.deepEqual(await subjects(), { Alpha: 4, Beta: 1, Gamma: 1 });
});

test('a person chooses before the time, and only once', async () => {
  const id = await startTest(12, 0.25);
  const unknown = await desk.call('POST', `/campaigns/${id}/winner`, { variant: 3 });
  assert.deepEqual([unknown.status, desk.pathsOf(unknown)], [422, ['/variant']]);
  const chosen = await desk.call('POST', `/campaigns/${id}/winner`, { variant: 1 });
  assert.deepEqual([chosen.json.winner, chosen.json.abResult.decidedBy], [1, 'key:editor']);
  assert.equal((await desk.call('POST', `/campaigns/${id}/winner`, { variant: 1 })).status, 200);
  assert.equal((await desk.call('POST', `/campaigns/${id}/winner`, { variant: 0 })).json.code, 'winner_chosen');
  await desk.run('advance-ab-tests');
  assert.deepEqual(await subjects(), { Alpha: 1, Beta: 10, Gamma: 1 });
});

test('stopped by a cancellation, the rest gets nothing', async () => {
  const id = await startTest(12, 0.25);
  await desk.call('POST', `/campaigns/${id}/cancel`);
  await desk.run('advance-ab-tests');
  const { json } = await desk.call('GET', `/campaigns/${id}`);
  assert.deepEqual([json.status, json.deliveries.sent, json.deliveries.skipped], ['cancelled', 3, 9]);
});

test('with the whole audience in the test there is no rest, and nobody waits', async () => {
  const id = await startTest(9, 1);
  assert.equal((await desk.call('GET', `/campaigns/${id}`)).json.status, 'sent');
  assert.deepEqual(await subjects(), { Alpha: 3, Beta: 3, Gamma: 3 });
  assert.equal((await desk.call('POST', `/campaigns/${id}/winner`, { variant: 0 })).json.code, 'no_ab_test');
});
