import type { Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { conflict, invalid } from '#shared/errors';
import { takeChains } from '../deliveries/chain-store.ts';
import { chainsPerIssue, prepareIssueJob, startScheduledJob } from '../distributor-jobs.ts';
import type { Issue } from '../distributor-types.ts';
import { planFaults } from './drafts/draft-fields.ts';
import { finishIssue, getIssue, lockIssue, recordAction, setIssueStatus } from './issue-store.ts';
import { sendTurns } from './prepare-issue.ts';
import { readSchedule, type ScheduleInput } from './schedules/read-schedule.ts';
import { firstSendTime, scheduleIssue, unscheduleIssue } from './schedules/schedule-store.ts';

/*
 *   draft ──schedule──▶ scheduled ──its time──▶ preparing ──▶ sending ──▶ sent
 *     ▲ │                │  │                     ▲   │          │  ▲
 *     │ └─────send───────┼──┴────────send─────────┘   │          │  │
 *     └───unschedule─────┘                            │          │  │
 *   paused ◀──pause── scheduled | preparing | sending ┘    failed ◀── preparing (send and schedule again)
 *     └──resume──▶ where it was paused;   cancelled ◀── everything but sent
 *
 * Whatever happens before `startedAt` leaves no trace with a reader; after it, what has left has left.
 */

export type Lifecycle = {
  /** Goes out now, whatever was planned. Sent already, or on its way: nothing happens. @throws AppError `preflight_failed` (422) */
  sendIssue(id: string, actor: string): Promise<Issue>;
  /** At the given time, or at the one that is written down with the issue; planned already, it is planned anew. */
  scheduleIssue(id: string, schedule: ScheduleInput | undefined, actor: string): Promise<Issue>;
  /** Back to a draft that can be changed. */
  unscheduleIssue(id: string, actor: string): Promise<Issue>;
  pauseIssue(id: string, actor: string): Promise<Issue>;
  resumeIssue(id: string, actor: string): Promise<Issue>;
  cancelIssue(id: string, actor: string): Promise<Issue>;
};

export type LifecycleDependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'clock'> & {
  /** @throws AppError `preflight_failed` (422) with all that must be mended before the issue may be sent */
  readonly assertSendable: (issue: Issue) => Promise<void>;
  /** Somebody may have mended the templates since they were found faulty. */
  readonly reloadTemplates: () => Promise<void>;
};

type Rule = { readonly from: readonly Issue['status'][]; readonly done: readonly Issue['status'][] };
const sendable: readonly Issue['status'][] = ['draft', 'failed', 'scheduled'];

/** Locks the issue, and does the change unless the issue is where the change leads. */
export async function changeStatus(
  { database, clock }: Pick<ServiceDependencies, 'database' | 'clock'>,
  request: { readonly id: string; readonly actor: string; readonly action: string; readonly details?: object },
  rule: Rule,
  apply: (tx: Transaction, issue: Issue) => Promise<Issue>,
): Promise<Issue> {
  const { id, actor, action, details } = request;
  return database.transaction(async (tx) => {
    const issue = await lockIssue(tx, id);
    if (rule.done.includes(issue.status)) return issue;
    if (!rule.from.includes(issue.status)) {
      throw conflict(`campaign_${issue.status}`, `The campaign is ${issue.status}: it cannot be ${action}.`);
    }
    const entry = { id: clock.newId(), at: clock.now(), actor, action: `campaign.${action}`, issueId: id };
    await recordAction(tx, details === undefined ? entry : { ...entry, details });
    return apply(tx, issue);
  });
}

export function createLifecycle(dependencies: LifecycleDependencies): Lifecycle {
  const { database, jobs, clock, assertSendable, reloadTemplates } = dependencies;
  const prepare = (tx: Transaction, issueId: string) => jobs.send(tx, prepareIssueJob, { issueId }, { singletonKey: issueId });

  /** Before any mail is planned, outside of the transaction: it looks at other servers. */
  async function check(id: string): Promise<Issue> {
    const issue = await getIssue(database, id);
    if (issue.kind === 'sequence_step') {
      throw conflict('campaign_of_sequence', 'This is the mail of a sequence, which sends it by itself.');
    }
    if (!sendable.includes(issue.status)) return issue;
    await reloadTemplates();
    await assertSendable(issue);
    return issue;
  }

  /** What was checked is what goes out. */
  function assertUnchanged(issue: Issue, checked: Issue): void {
    if (issue.version !== checked.version) {
      throw conflict('campaign_changed', 'The campaign was changed while it was checked; look at it and try again.');
    }
  }

  return {
    async sendIssue(id, actor) {
      const checked = await check(id);
      const rule: Rule = { from: sendable, done: ['preparing', 'sending', 'sent'] };
      return changeStatus(dependencies, { id, actor, action: 'sent' }, rule, async (tx, issue) => {
        assertUnchanged(issue, checked);
        await prepare(tx, id);
        return unscheduleIssue(tx, id, 'preparing', false);
      });
    },

    async scheduleIssue(id, input, actor) {
      const current = await getIssue(database, id);
      const written = current.schedule ?? undefined;
      if (input === undefined && written === undefined) {
        throw invalid('The campaign has no schedule.', [{ path: '/at', message: 'is required where no schedule is written down' }]);
      }
      const schedule = await readSchedule(database, input ?? written ?? null, clock.now(), '');
      if (schedule === null) throw new Error('a schedule was given and none was read');
      const faults = planFaults(current.abTest, schedule);
      if (faults.length > 0) throw invalid('The test and the schedule do not go together.', faults);
      const startsAt = await firstSendTime(database, schedule);
      const checked = await check(id);
      const request = { id, actor, action: 'scheduled', details: { schedule, startsAt } };
      return changeStatus(dependencies, request, { from: sendable, done: [] }, async (tx, issue) => {
        assertUnchanged(issue, checked);
        await jobs.send(tx, startScheduledJob, {}, { startAfter: startsAt });
        return scheduleIssue(tx, id, schedule, startsAt);
      });
    },

    unscheduleIssue: (id, actor) =>
      changeStatus(dependencies, { id, actor, action: 'unscheduled' }, { from: ['scheduled', 'paused'], done: ['draft'] }, (tx, issue) => {
        if (issue.startedAt !== null) {
          throw conflict('campaign_paused', 'The campaign has begun to be sent: it cannot be unscheduled.');
        }
        return unscheduleIssue(tx, id, 'draft', true);
      }),

    pauseIssue: (id, actor) =>
      changeStatus(dependencies, { id, actor, action: 'paused' }, { from: ['scheduled', 'preparing', 'sending'], done: ['paused'] }, (tx) =>
        setIssueStatus(tx, id, 'paused'),
      ),

    resumeIssue: (id, actor) =>
      changeStatus(
        dependencies,
        { id, actor, action: 'resumed' },
        { from: ['paused'], done: ['scheduled', 'preparing', 'sending'] },
        async (tx, { startedAt, scheduledAt }) => {
          if (startedAt !== null) {
            await sendTurns(dependencies, tx, await takeChains(tx, id, chainsPerIssue, clock.now()));
            return setIssueStatus(tx, id, 'sending');
          }
          if (scheduledAt !== null && scheduledAt > clock.now()) return setIssueStatus(tx, id, 'scheduled');
          await prepare(tx, id);
          return setIssueStatus(tx, id, 'preparing');
        },
      ),

    cancelIssue: (id, actor) =>
      changeStatus(
        dependencies,
        { id, actor, action: 'cancelled' },
        { from: ['draft', 'scheduled', 'preparing', 'sending', 'paused', 'failed'], done: ['cancelled'] },
        async (tx, { startedAt }) => {
          await setIssueStatus(tx, id, 'cancelled');
          // What is queued is skipped by a chain: there may be a million of them.
          if (startedAt === null) await finishIssue(tx, id, 'cancelled', clock.now());
          else await sendTurns(dependencies, tx, await takeChains(tx, id, 1, clock.now()));
          return getIssue(tx, id);
        },
      ),
  };
}
