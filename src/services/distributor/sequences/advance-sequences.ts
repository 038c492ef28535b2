import type { Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { findEngagedReaders } from '../campaigns/engaged-readers.ts';
import { enqueueRecipients } from '../deliveries/ledger-changes.ts';
import type { Audience } from '../distributor-types.ts';
import { segmentsOf } from './check-definition.ts';
import { listDueRuns, moveEnrolments, recordSteps, takeDueEnrolments } from './enrolment-store.ts';
import { findVersion, listActiveSequences, listStepIssues } from './sequence-store.ts';
import type { Enrolment, SequenceDefinition } from './sequence-types.ts';
import { ensureStepIssues, type StepIssueDependencies } from './step-issues.ts';
import { type Walk, walkSteps } from './walk-steps.ts';

export type AdvanceDependencies = Pick<ServiceDependencies, 'jobs' | 'logger'> &
  StepIssueDependencies & { readonly subscribers: Pick<Audience, 'findRecipients' | 'changeTags'> };

/** Readers that are moved on in one transaction. */
const batchSize = 250;

/**
 * Moves everybody who is due on to their next wait, batch by batch. What a batch does, and that it was done, commit together:
 * cut off at any moment, no step is done twice and none is left out. Several may run at once.
 */
export async function advanceSequences(dependencies: AdvanceDependencies, signal: AbortSignal): Promise<void> {
  const { database, clock, logger } = dependencies;
  for (const { id: sequenceId } of await listActiveSequences(database)) {
    const definitions = new Map<number, SequenceDefinition>();
    try {
      for (const { version, run } of await listDueRuns(database, sequenceId, clock.now())) {
        const definition = definitions.get(version) ?? (await findVersion(database, sequenceId, version));
        definitions.set(version, definition);
        await ensureStepIssues(dependencies, { sequenceId, version, definition, run });
      }
      for (let taken = batchSize; taken === batchSize && !signal.aborted; ) {
        taken = await database.transaction((tx) => advanceBatch(dependencies, tx, sequenceId, definitions));
      }
    } catch (error) {
      // One sequence's fault, such as a template that was broken since, is not the others'.
      logger.warn({ err: error, sequenceId }, 'a sequence cannot go on');
    }
    if (signal.aborted) return;
  }
}

async function advanceBatch(
  dependencies: AdvanceDependencies,
  tx: Transaction,
  sequenceId: string,
  definitions: ReadonlyMap<number, SequenceDefinition>,
): Promise<number> {
  const { clock, subscribers } = dependencies;
  const now = clock.now();
  const due = await takeDueEnrolments(tx, sequenceId, now, batchSize);
  const segmentIds = [...new Set([...definitions.values()].flatMap((definition) => segmentsOf(definition).map(({ id }) => id)))];
  const ids = [...new Set(due.map(({ subscriberId }) => subscriberId))].sort();
  const recipients = new Map((await subscribers.findRecipients(tx, ids, segmentIds)).map((recipient) => [recipient.id, recipient]));
  const walks: { readonly enrolment: Enrolment; readonly walk: Walk; readonly issues: ReadonlyMap<string, string> }[] = [];
  for (const group of groupByRun(due)) {
    // Enrolled since the look before: its turn comes with the next run, when its mails stand.
    const definition = definitions.get(group.version);
    if (definition === undefined) continue;
    const stepIssues = await listStepIssues(tx, sequenceId, group.version);
    const issues = new Map(stepIssues.filter(({ run }) => run === group.run).map(({ stepId, issueId }) => [stepId, issueId]));
    if (definition.steps.some((step) => step.type === 'send' && !issues.has(step.id))) continue;
    const hasEngaged = await readEngagement(tx, definition, issues, group.enrolments);
    for (const enrolment of group.enrolments) {
      const { subscriberId } = enrolment;
      const state = {
        recipient: recipients.get(subscriberId),
        hasEngaged: (kind: 'opened' | 'clicked', stepId: string) => hasEngaged(kind, stepId, subscriberId),
      };
      walks.push({ enrolment, walk: walkSteps(definition, enrolment.stepId, state, now), issues });
    }
  }
  await apply(dependencies, tx, walks, now);
  return walks.length;
}

function groupByRun(due: readonly Enrolment[]): { readonly version: number; readonly run: number; readonly enrolments: Enrolment[] }[] {
  const groups = new Map<string, { version: number; run: number; enrolments: Enrolment[] }>();
  for (const enrolment of due) {
    const { version, run } = enrolment;
    const key = `${version}/${run}`;
    const group = groups.get(key) ?? { version, run, enrolments: [] };
    group.enrolments.push(enrolment);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** Who of them opened or clicked the mails that the definition asks for. */
async function readEngagement(
  tx: Transaction,
  definition: SequenceDefinition,
  issues: ReadonlyMap<string, string>,
  enrolments: readonly Enrolment[],
): Promise<(kind: 'opened' | 'clicked', stepId: string, subscriberId: string) => boolean> {
  const ids = enrolments.map(({ subscriberId }) => subscriberId);
  const engaged = new Map<string, ReadonlySet<string>>();
  for (const step of definition.steps) {
    if (step.type !== 'branch' || (step.if.type !== 'opened' && step.if.type !== 'clicked')) continue;
    const { type, step: mail } = step.if;
    const issueId = issues.get(mail);
    if (issueId === undefined || engaged.has(`${type} ${mail}`)) continue;
    engaged.set(`${type} ${mail}`, await findEngagedReaders(tx, issueId, type === 'opened' ? 'opens' : 'clicks', ids));
  }
  return (kind, stepId, subscriberId) => engaged.get(`${kind} ${stepId}`)?.has(subscriberId) ?? false;
}

/** Locks in one order everywhere, readers before issues, each by id: two batches wait for each other, never both. */
async function apply(
  dependencies: AdvanceDependencies,
  tx: Transaction,
  walks: readonly { readonly enrolment: Enrolment; readonly walk: Walk; readonly issues: ReadonlyMap<string, string> }[],
  now: Date,
): Promise<void> {
  if (walks.length === 0) return;
  const steps = walks.flatMap(({ enrolment, walk }) => walk.done.map((step) => ({ enrolmentId: enrolment.id, ...step })));
  const recorded = new Set((await recordSteps(tx, steps, now)).map(({ enrolmentId, stepId }) => `${enrolmentId} ${stepId}`));
  const recipientsByIssue = new Map<string, string[]>();
  const byReader = [...walks].sort((a, b) => (a.enrolment.subscriberId < b.enrolment.subscriberId ? -1 : 1));
  for (const { enrolment, walk, issues } of byReader) {
    if (walk.addTags.length + walk.removeTags.length > 0) {
      await dependencies.subscribers.changeTags(tx, enrolment.subscriberId, { add: walk.addTags, remove: walk.removeTags });
    }
    for (const stepId of walk.sends) {
      const issueId = issues.get(stepId);
      if (issueId === undefined || !recorded.has(`${enrolment.id} ${stepId}`)) continue;
      recipientsByIssue.set(issueId, [...(recipientsByIssue.get(issueId) ?? []), enrolment.subscriberId]);
    }
  }
  for (const [issueId, ids] of [...recipientsByIssue].sort(([a], [b]) => (a < b ? -1 : 1))) {
    await enqueueRecipients(dependencies, tx, issueId, ids, now);
  }
  await moveEnrolments(
    tx,
    walks.map(({ enrolment: { id }, walk: { status, stepId, dueAt, reason } }) => ({ id, status, stepId, dueAt, reason })),
    now,
  );
}
