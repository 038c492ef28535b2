import type { ServiceDependencies } from '#platform/service';
import { AppError } from '#shared/errors';
import type { CompileContent } from '../campaigns/compile-content.ts';
import { findIssueByKey, finishIssue, insertIssue, lockIssue, startIssue } from '../campaigns/issue-store.ts';
import { createPartition } from '../deliveries/delivery-store.ts';
import type { Issue } from '../distributor-types.ts';
import { findStepIssue, keepStepIssue, type StepPlace } from './sequence-store.ts';
import type { SendStep, SequenceDefinition } from './sequence-types.ts';

export type StepIssueDependencies = Pick<ServiceDependencies, 'database' | 'clock'> & {
  readonly compile: CompileContent;
  readonly templateIdOf: (name: string) => Promise<string>;
};

const defaultTemplate = 'announcement';

/**
 * Sees that every sending step of a version has an issue for a run: compiled, with a ledger of its own, and `sent` to nobody
 * yet. Readers are added as they come to the step. Cut off, it is gone on with where it ended.
 * @throws AppError `template_faulty` | `nothing_to_send` | `invalid_request`
 */
export async function ensureStepIssues(
  dependencies: StepIssueDependencies,
  version: { readonly sequenceId: string; readonly version: number; readonly definition: SequenceDefinition; readonly run: number },
): Promise<void> {
  const { sequenceId, definition, run } = version;
  for (const step of definition.steps) {
    if (step.type !== 'send') continue;
    const place = { sequenceId, version: version.version, stepId: step.id, run };
    if ((await findStepIssue(dependencies.database, place)) !== null) continue;
    const issue = await findOrInsert(dependencies, `sequence-${sequenceId}-${version.version}-${step.id}-${run}`, step, sequenceId);
    await open(dependencies, issue, place);
  }
}

async function findOrInsert(
  { database, clock, templateIdOf }: StepIssueDependencies,
  key: string,
  step: SendStep,
  sequenceId: string,
): Promise<Issue> {
  const existing = await findIssueByKey(database, key);
  if (existing !== undefined) return existing;
  const templateId = await templateIdOf(step.template ?? defaultTemplate);
  const inserted = await insertIssue(database, {
    id: clock.newId(),
    key,
    kind: 'sequence_step',
    subject: step.subject,
    preheader: step.preheader ?? '',
    body: step.body ?? '',
    articleIds: step.articleIds ?? [],
    variables: step.variables ?? {},
    tracking: step.tracking ?? 'individual',
    templateId,
    createdBy: `sequence:${sequenceId}`,
    createdAt: clock.now(),
  });
  const issue = inserted ?? (await findIssueByKey(database, key));
  if (issue === undefined) throw new AppError('issue_gone', 'The mail of the step was removed while it was made.', { retryable: true });
  return issue;
}

async function open({ database, clock, compile }: StepIssueDependencies, issue: Issue, place: StepPlace): Promise<void> {
  const content = issue.startedAt === null ? await compile(issue) : undefined;
  if (content !== undefined) await createPartition(database, issue.id);
  await database.transaction(async (tx) => {
    const current = await lockIssue(tx, issue.id);
    if (current.startedAt === null && content !== undefined) {
      await startIssue(tx, issue.id, content, clock.now());
      await finishIssue(tx, issue.id, 'sending', clock.now());
    }
    await keepStepIssue(tx, { ...place, issueId: issue.id });
  });
}
