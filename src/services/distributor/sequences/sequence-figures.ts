import type { Queryable } from '#platform/database';
import { countEngaged } from '../campaigns/engaged-readers.ts';
import { countDeliveries } from '../deliveries/delivery-store.ts';
import { countEnrolments, countSteps } from './enrolment-store.ts';
import { findVersion, listStepIssues } from './sequence-store.ts';

export type SequenceFigures = {
  readonly version: number;
  readonly active: number;
  readonly completed: number;
  readonly exited: number;
  readonly steps: readonly {
    readonly id: string;
    readonly type: string;
    /** Readers whose next step it is. */
    readonly waiting: number;
    /** Those who have done it, by what came of it. */
    readonly outcomes: Readonly<Record<string, number>>;
    /** Of a step that sends. */
    readonly mails: {
      readonly sent: number;
      readonly failed: number;
      readonly skipped: number;
      readonly opened: number;
      readonly clicked: number;
    } | null;
    readonly issueIds: readonly string[];
  }[];
};

/** How far the readers of a version are, step by step. */
export async function readFigures(database: Queryable, sequenceId: string, version: number): Promise<SequenceFigures> {
  const definition = await findVersion(database, sequenceId, version);
  const enrolments = await countEnrolments(database, sequenceId, version);
  const done = await countSteps(database, sequenceId, version);
  const issues = await listStepIssues(database, sequenceId, version);
  const totalOf = (status: string) => enrolments.filter((row) => row.status === status).reduce((total, { count }) => total + count, 0);
  const steps: SequenceFigures['steps'][number][] = [];
  for (const { id, type } of definition.steps) {
    const issueIds = issues.filter(({ stepId }) => stepId === id).map(({ issueId }) => issueId);
    steps.push({
      id,
      type,
      waiting: enrolments.find((row) => row.status === 'active' && row.stepId === id)?.count ?? 0,
      outcomes: Object.fromEntries(done.filter(({ stepId }) => stepId === id).map(({ outcome, count }) => [outcome, count])),
      mails: type === 'send' ? await readMails(database, issueIds) : null,
      issueIds,
    });
  }
  return { version, active: totalOf('active'), completed: totalOf('completed'), exited: totalOf('exited'), steps };
}

async function readMails(database: Queryable, issueIds: readonly string[]) {
  const mails = { sent: 0, failed: 0, skipped: 0, opened: 0, clicked: 0 };
  for (const issueId of issueIds) {
    const { sent, failed, skipped } = await countDeliveries(database, issueId);
    mails.sent += sent;
    mails.failed += failed;
    mails.skipped += skipped;
    mails.opened += await countEngaged(database, issueId, 'opens');
    mails.clicked += await countEngaged(database, issueId, 'clicks');
  }
  return mails;
}
