import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from '#platform/database';
import { findSegmentUses } from './segment-uses.ts';
import { type ApiDesk, createApiDesk } from './testing/api-desk.ts';

let desk: ApiDesk;
before(async () => {
  desk = await createApiDesk();
});
after(() => desk.close());

test('campaigns, their blocks, digests and sequences that name a segment are found', async () => {
  const [used, other] = [desk.t.clock.newId(), desk.t.clock.newId()];
  for (const id of [used, other]) {
    await desk.t.database.execute(
      'test.segment',
      sql`insert into subscriber_segments (id, name, rules, created_at, updated_at) values (${id}, ${id}, '{}', now(), now())`,
    );
  }
  const block = { slot: 'top', segmentIds: [used], body: 'x' };
  await desk.call('POST', '/campaigns', { subject: 'Own', body: 'x', segmentId: used });
  await desk.call('POST', '/campaigns', { subject: 'Block', body: 'x', blocks: [block] });
  await desk.call('POST', '/recurring-digests', { name: 'Digest', cron: '0 9 * * 1', segmentId: used });
  const steps = [{ id: 'a', type: 'send', subject: 'x', body: 'y' }];
  await desk.call('POST', '/sequences', {
    name: 'Sequence',
    definition: { trigger: { type: 'manual' }, exit: { segmentIds: [used] }, steps },
  });
  const uses = await findSegmentUses(desk.t.database, used);
  assert.deepEqual(uses.map(({ kind, name }) => `${kind} ${name}`).sort(), [
    'campaign Block',
    'campaign Digest',
    'campaign Own',
    'sequence Sequence',
  ]);
  assert.deepEqual(await findSegmentUses(desk.t.database, other), []);
});
