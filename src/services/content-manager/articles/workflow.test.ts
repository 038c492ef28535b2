import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '#shared/errors';
import type { ArticleStatus } from '../article-types.ts';
import { actionsFrom, actionsToPublication, nextStatus, type WorkflowAction, workflowActions } from './workflow.ts';

const statuses: readonly ArticleStatus[] = ['draft', 'in_review', 'approved', 'scheduled', 'published', 'archived', 'rejected'];

/** Written out once more, by hand: status → action → status. Whatever is not here is illegal. */
const legal: Readonly<Record<ArticleStatus, Partial<Record<WorkflowAction, ArticleStatus>>>> = {
  draft: { submit: 'in_review', reject: 'rejected', archive: 'archived' },
  in_review: { approve: 'approved', reject: 'rejected' },
  approved: { reject: 'rejected', schedule: 'scheduled', publish: 'published' },
  scheduled: { unschedule: 'approved', publish: 'published' },
  published: { archive: 'archived' },
  archived: { reopen: 'draft' },
  rejected: { archive: 'archived', reopen: 'draft' },
};

for (const status of statuses) {
  for (const action of workflowActions) {
    const to = legal[status][action];
    if (to !== undefined) {
      test(`${action} leads from ${status} to ${to}`, () => assert.equal(nextStatus(status, action), to));
    } else {
      test(`${action} is refused from ${status}, with what is allowed`, () => {
        assert.throws(
          () => nextStatus(status, action),
          (error) => {
            assert.ok(error instanceof AppError);
            assert.equal(error.code, 'illegal_transition');
            assert.equal(error.status, 409);
            for (const word of [status, action, ...Object.keys(legal[status])]) assert.ok(error.message.includes(word), error.message);
            return true;
          },
        );
      });
    }
  }
  test(`the actions from ${status} are those of the table`, () => {
    assert.deepEqual(new Set(actionsFrom(status)), new Set(Object.keys(legal[status])));
  });
}

test('the way to publication from each status', () => {
  assert.deepEqual(actionsToPublication('draft'), ['submit', 'approve', 'publish']);
  assert.deepEqual(actionsToPublication('in_review'), ['approve', 'publish']);
  assert.deepEqual(actionsToPublication('approved'), ['publish']);
  assert.deepEqual(actionsToPublication('scheduled'), ['publish']);
  assert.deepEqual(actionsToPublication('published'), []);
  for (const status of ['archived', 'rejected'] as const) {
    assert.throws(() => actionsToPublication(status), { code: 'illegal_transition' });
  }
});
