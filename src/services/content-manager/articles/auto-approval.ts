import { type Database, type Queryable, readByKeyset, sql, type Transaction } from '#platform/database';
import type { StoredEvent, Subscription } from '#platform/events';
import { type JobRegistration, type Jobs, registerJob } from '#platform/jobs';
import { articleDrafted, articleSubmitted } from './article-events.ts';
import { applyAutoApproval, publishArticle } from './article-jobs.ts';
import { lockArticle } from './article-store.ts';
import type { Transitions } from './transitions.ts';
import { readWorkspaceSettings } from './workspace-settings.ts';

const submitActor = 'rule:auto-submit';
const approveActor = 'rule:auto-approve';

/**
 * What the rule may approve: in review, its score reached, no fact in it found wrong, and never taken in hand by a person
 * (edited, restored, reopened): from then on a person decides.
 */
const isEligible = (minScore: number) => sql<boolean>`
  c.status = 'in_review' and c.quality_score >= ${minScore}
  and not jsonb_path_exists(c.quality_checks, '$[*] ? (@.name == "facts").findings[*] ? (@.severity == "error")')
  and not exists (select 1 from content_versions v where v.content_id = c.id and v.change in ('edit', 'restore', 'reopen'))`;

function readEligible(database: Queryable, minScore: number): AsyncGenerator<{ id: string }[]> {
  return readByKeyset<{ id: string }, string>(database, 'content.list-auto-approvable', {
    rowsPerPage: 100,
    toStatement(after, limit) {
      const further = after === undefined ? sql`` : sql`and c.id > ${after}::uuid`;
      return sql`select c.id from generated_content c where ${isEligible(minScore)} ${further} order by c.id limit ${limit}`;
    },
    keyOf: ({ id }) => id,
  });
}

export type AutoApproval = {
  /** Articles in review that the rule will still move; 0 when it is off. */
  countAwaiting(): Promise<number>;
  readonly subscription: Subscription;
  readonly job: JobRegistration;
};

// Never rounded up: "0.70 reaches 0.7" must not be said of 0.699.
const showScore = (score: number): string => String(Math.floor(score * 1000) / 1000);

export function createAutoApproval(deps: {
  readonly database: Database;
  readonly jobs: Jobs;
  readonly transitions: Transitions;
}): AutoApproval {
  const { database, jobs, transitions } = deps;

  /** Whoever writes with a machine submits at once; a person submits when it is ready. */
  async function submitDraft(tx: Transaction, id: string): Promise<void> {
    const article = await lockArticle(tx, id);
    // Version 1 only: someone who was faster than the event has it in hand.
    if (article === undefined || article.status !== 'draft' || article.version !== 1 || article.writer === 'person') return;
    await transitions.take(tx, article, 'submit', submitActor);
  }

  async function approveIfEligible(tx: Transaction, id: string, minScore: number): Promise<void> {
    const article = await lockArticle(tx, id);
    if (article === undefined || article.qualityScore === null) return;
    const eligible = await tx.maybeOne(
      'content.is-auto-approvable',
      sql<object>`select 1 from generated_content c where c.id = ${id}::uuid and ${isEligible(minScore)}`,
    );
    if (eligible === undefined) return;
    const reason = `Quality score ${showScore(article.qualityScore)} reaches the workspace's threshold of ${minScore}.`;
    await transitions.take(tx, article, 'approve', approveActor, { reason });
    await jobs.send(tx, publishArticle, { contentId: id }, { singletonKey: id });
  }

  async function handle({ type, aggregateId }: StoredEvent, tx: Transaction): Promise<void> {
    if (type === articleDrafted) return submitDraft(tx, aggregateId);
    const { autoApproveMinScore } = await readWorkspaceSettings(tx);
    if (autoApproveMinScore !== null) await approveIfEligible(tx, aggregateId, autoApproveMinScore);
  }

  async function approveWaiting(): Promise<void> {
    const { autoApproveMinScore } = await readWorkspaceSettings(database);
    if (autoApproveMinScore === null) return;
    for await (const page of readEligible(database, autoApproveMinScore)) {
      for (const { id } of page) await database.transaction((tx) => approveIfEligible(tx, id, autoApproveMinScore));
    }
  }

  return {
    async countAwaiting() {
      const { autoApproveMinScore } = await readWorkspaceSettings(database);
      if (autoApproveMinScore === null) return 0;
      const { count } = await database.one<{ count: number }>(
        'content.count-auto-approvable',
        sql`select count(*) as count from generated_content c where ${isEligible(autoApproveMinScore)}`,
      );
      return count;
    },
    subscription: { subscriber: 'content-manager.review', types: [articleDrafted, articleSubmitted], handle },
    job: registerJob(applyAutoApproval, approveWaiting),
  };
}
