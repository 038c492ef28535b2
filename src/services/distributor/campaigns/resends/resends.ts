import type { Transaction } from '#platform/database';
import type { ServiceDependencies } from '#platform/service';
import { conflict, invalid, notFound } from '#shared/errors';
import { hasDelivery } from '../../deliveries/delivery-store.ts';
import { requeueFailed, resolveUncertain } from '../../deliveries/ledger-changes.ts';
import type { Issue } from '../../distributor-types.ts';
import type { DraftInput, Drafts } from '../drafts/drafts.ts';
import { getIssue, lockIssue, recordAction } from '../issue-store.ts';

export type UncertainOutcome = 'sent' | 'failed' | 'resend';

export type Resends = {
  /**
   * Tries those again whose mail failed, but for addresses that do not exist; of the same issue, so nobody else gets anything.
   * @returns how many
   */
  resendFailed(id: string, actor: string): Promise<number>;
  /** Drafts an issue for those who got this one and did not open it, under another subject. */
  resendUnopened(id: string, changes: DraftInput & { readonly subject: string }, actor: string): Promise<Issue>;
  /**
   * Says what became of a delivery of which nobody knows, or of all of the issue's: it arrived, it failed, or it is sent once
   * more at the risk of a second copy. @returns how many @throws AppError `not_found` where the subscriber is no recipient
   */
  resolveUncertain(id: string, subscriberId: string | null, outcome: UncertainOutcome, actor: string): Promise<number>;
};

export type ResendDependencies = Pick<ServiceDependencies, 'database' | 'jobs' | 'clock'> & Pick<Drafts, 'copyCampaign'>;

export function createResends(dependencies: ResendDependencies): Resends {
  const { database, clock, copyCampaign } = dependencies;

  /** In a transaction with its record; what is done already is done no second time, and is no fault. */
  async function reopen(
    request: { readonly id: string; readonly actor: string; readonly action: string; readonly details: object },
    apply: (tx: Transaction, issueId: string) => Promise<number>,
  ): Promise<number> {
    const { id, actor, action, details } = request;
    return database.transaction(async (tx) => {
      const issue = await lockIssue(tx, id);
      if (issue.startedAt === null || issue.status === 'cancelled') {
        throw conflict(`campaign_${issue.status}`, `The campaign is ${issue.status}: nothing of it can be ${action}.`);
      }
      const count = await apply(tx, id);
      if (count > 0) {
        const entry = { id: clock.newId(), at: clock.now(), actor, action: `campaign.${action}`, issueId: id };
        await recordAction(tx, { ...entry, details: { ...details, count } });
      }
      return count;
    });
  }

  return {
    resendFailed: (id, actor) =>
      reopen({ id, actor, action: 'resent-to-failed', details: {} }, (tx, issueId) =>
        requeueFailed(dependencies, tx, issueId, clock.now()),
      ),

    async resendUnopened(id, changes, actor) {
      const source = await getIssue(database, id);
      if (source.startedAt === null || source.kind === 'sequence_step') {
        throw conflict(`campaign_${source.status}`, 'Only a campaign that was sent can go to those who did not open it.');
      }
      if (source.tracking !== 'individual') {
        throw conflict('opens_unknown', 'Who opened this campaign is not known: its tracking is not individual.');
      }
      if (changes.subject.trim() === source.subject) {
        throw invalid('The subject is the one that was not opened.', [{ path: '/subject', message: 'must be another one than before' }]);
      }
      return copyCampaign(id, { variants: [], abTest: null, ...changes }, actor, id);
    },

    resolveUncertain: (id, subscriberId, outcome, actor) =>
      reopen({ id, actor, action: 'uncertain-resolved', details: { outcome, subscriberId } }, async (tx, issueId) => {
        if (subscriberId !== null && !(await hasDelivery(tx, issueId, subscriberId)))
          throw notFound('delivery to a subscriber', subscriberId);
        return resolveUncertain(dependencies, tx, issueId, subscriberId, outcome, clock.now());
      }),
  };
}
