import type { Database } from '#platform/database';
import type { TransactionalMail } from '#platform/mail';
import type { Clock } from '#shared/clock';
import { findSubscriber } from '../subscribers/subscriber-store.ts';
import { findDomainSuppression } from '../suppressions/suppression-store.ts';
import type { SubscriberMails } from './subscriber-mails.ts';
import type { DataLinkRequest } from './subscription-jobs.ts';

export type MailJobs = {
  /** What the mail says is decided when it is sent: the state may have changed since it was asked for. */
  sendConfirmation(job: { readonly subscriberId: string; readonly consentId: string }): Promise<void>;
  /** Goes to suppressed addresses too: whoever wants no mail may still want their data. */
  sendDataLink(job: DataLinkRequest): Promise<void>;
};

export function createMailJobs(options: {
  readonly database: Database;
  readonly clock: Clock;
  readonly mails: SubscriberMails;
  readonly sendTransactional: (mail: TransactionalMail) => Promise<void>;
}): MailJobs {
  const { database, clock, mails, sendTransactional } = options;
  return {
    async sendConfirmation({ subscriberId, consentId }) {
      const subscriber = await findSubscriber(database, subscriberId);
      if (subscriber === undefined || subscriber.status === 'erased') return;
      if ((await findDomainSuppression(database, subscriber.email)) !== undefined) return;
      const key = `confirm-${consentId}`;
      await sendTransactional(
        subscriber.status === 'active' ? mails.subscribedAlready(subscriber, key) : mails.confirmation(subscriber, clock.now(), key),
      );
    },
    async sendDataLink({ subscriberId, action, requestId }) {
      const subscriber = await findSubscriber(database, subscriberId);
      if (subscriber === undefined || subscriber.status === 'erased') return;
      await sendTransactional(mails.dataLink(action, subscriber, clock.now(), `${action}-${requestId}`));
    },
  };
}
