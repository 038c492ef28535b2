import type { Queryable } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { conflict, invalid } from '#shared/errors';
import { takeChains } from '../../deliveries/chain-store.ts';
import { releaseToWinner } from '../../deliveries/delivery-store.ts';
import { advanceAbTestsJob, chainsPerIssue } from '../../distributor-jobs.ts';
import type { AbResult, AbTest, Issue } from '../../distributor-types.ts';
import { hasWaitingRest } from '../drafts/draft-fields.ts';
import { countEngagedByVariant } from '../engaged-readers.ts';
import { getIssue, lockIssue, recordAction } from '../issue-store.ts';
import { sendTurns } from '../prepare-issue.ts';
import { countSentByVariant, isTestHandedOut, keepResult, listUndecidedTests, listUnreleased, setDecisionTime } from './ab-test-store.ts';
import { chooseWinner } from './choose-winner.ts';

type Dependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'clock' | 'logger'>;

const hourMs = 3600_000;
/** Rows that one statement gives the winner to: many enough to be quick, few enough to lock nothing for long. */
const releaseAtOnce = 5000;

/**
 * Moves every A/B test on by what its rows say: when all of the test has left, the time of the decision is set; at that time
 * the winner is chosen; then the rest gets it. Each step holds when the one after it is cut off, and does nothing twice.
 */
export async function advanceAbTests(dependencies: Dependencies, signal: AbortSignal): Promise<void> {
  const { database, clock } = dependencies;
  for (const issue of await listUndecidedTests(database)) {
    if (signal.aborted) return;
    if (issue.abTest === null) continue;
    if (issue.abDecideAt === null) await planDecision(dependencies, issue, issue.abTest);
    else if (issue.abDecideAt <= clock.now()) await decide(dependencies, issue, issue.abTest);
  }
  for (const { id, winner } of await listUnreleased(database)) {
    if (signal.aborted) return;
    await release(dependencies, id, winner, signal);
  }
}

async function planDecision({ database, jobs, clock }: Dependencies, issue: Issue, test: AbTest): Promise<void> {
  if (!(await isTestHandedOut(database, issue.id))) return;
  const sent = await countSentByVariant(database, issue.id);
  const lastAt = Math.max(...[...sent.values()].map((figures) => figures.lastAt.getTime()), 0);
  // Where none of the test could be sent there is nothing to wait for.
  const at = lastAt === 0 ? clock.now() : new Date(lastAt + test.hours * hourMs);
  await database.transaction(async (tx) => {
    await setDecisionTime(tx, issue.id, at);
    await jobs.send(tx, advanceAbTestsJob, {}, { startAfter: at });
  });
}

async function decide({ database, jobs, clock, logger }: Dependencies, issue: Issue, test: AbTest): Promise<void> {
  const result = await readResult({ database, clock }, issue, test);
  const isDecided = await database.transaction(async (tx) => {
    const current = await lockIssue(tx, issue.id);
    if (current.winner !== null || current.status !== 'sending') return false;
    await keepResult(tx, issue.id, result);
    const entry = { id: clock.newId(), at: clock.now(), actor: 'ab-test', action: 'campaign.winner-chosen', issueId: issue.id };
    await recordAction(tx, { ...entry, details: result });
    await jobs.send(tx, advanceAbTestsJob, {});
    return true;
  });
  if (isDecided) logger.info({ issueId: issue.id, winner: result.winner, isSignificant: result.isSignificant }, 'an A/B test was decided');
}

/** How the variants do at this moment, and which would win. */
export async function readResult(
  { database, clock }: Pick<Dependencies, 'clock'> & { readonly database: Queryable },
  issue: Issue,
  test: AbTest,
): Promise<AbResult> {
  const sent = await countSentByVariant(database, issue.id);
  const engaged = await countEngagedByVariant(database, issue.id, test.metric);
  const figures = issue.variants.map((_, variant) => ({ sent: sent.get(variant)?.sent ?? 0, engaged: engaged.get(variant) ?? 0 }));
  return chooseWinner(test.metric, figures, clock.now());
}

/** Chunk by chunk; then the chains look at once instead of at their next turn. */
async function release(dependencies: Dependencies, id: string, winner: number, signal: AbortSignal): Promise<void> {
  const { database, clock } = dependencies;
  for (let moved = releaseAtOnce; moved === releaseAtOnce && !signal.aborted; ) {
    moved = await releaseToWinner(database, id, winner, releaseAtOnce);
  }
  await database.transaction(async (tx) => {
    const issue = await lockIssue(tx, id);
    if (issue.status === 'sending') await sendTurns(dependencies, tx, await takeChains(tx, id, chainsPerIssue, clock.now()));
  });
}

/** A person's choice, at any time after the test began and before it was decided. Chosen already, the same choice changes nothing. */
export async function chooseWinnerByHand(dependencies: Dependencies, id: string, variant: number, actor: string): Promise<Issue> {
  const { database, jobs, clock } = dependencies;
  const issue = await getIssue(database, id);
  if (!hasWaitingRest(issue.abTest)) throw conflict('no_ab_test', 'The campaign has no test whose rest waits for a winner.');
  if (variant >= issue.variants.length) {
    throw invalid('There is no such variant.', [{ path: '/variant', message: `must be 0 to ${issue.variants.length - 1}` }]);
  }
  const figures = await readResult({ database, clock }, issue, issue.abTest);
  return database.transaction(async (tx) => {
    const current = await lockIssue(tx, id);
    if (current.winner === variant) return current;
    if (current.winner !== null) throw conflict('winner_chosen', `Variant ${current.winner} was chosen already.`);
    if (current.startedAt === null || (current.status !== 'sending' && current.status !== 'paused')) {
      throw conflict(`campaign_${current.status}`, `The campaign is ${current.status}: no winner can be chosen.`);
    }
    const changed = await keepResult(tx, id, { ...figures, winner: variant, decidedBy: actor });
    const entry = { id: clock.newId(), at: clock.now(), actor, action: 'campaign.winner-chosen', issueId: id };
    await recordAction(tx, { ...entry, details: { winner: variant } });
    await jobs.send(tx, advanceAbTestsJob, {});
    return changed;
  });
}
