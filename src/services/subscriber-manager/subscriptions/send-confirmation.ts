import type { Database } from '#platform/database';
import type { TransactionalMail } from '#platform/mail';
import { findSubscriber } from '../subscribers/subscriber-store.ts';
import { findDomainSuppression } from '../suppressions/suppression-store.ts';
import { confirmationMail, type Site, subscribedAlreadyMail } from './confirmation-mail.ts';
import type { SubscriberLinks } from './subscriber-links.ts';

/** What the mail says is decided when it is sent: the state may have changed since it was asked for. */
export function createConfirmationSender(options: {
  readonly database: Database;
  readonly site: Site;
  readonly links: SubscriberLinks;
  readonly sendTransactional: (mail: TransactionalMail) => Promise<void>;
}): (job: { readonly subscriberId: string; readonly consentId: string }) => Promise<void> {
  const { database, site, links, sendTransactional } = options;
  return async ({ subscriberId, consentId }) => {
    const subscriber = await findSubscriber(database, subscriberId);
    if (subscriber === undefined || subscriber.status === 'erased') return;
    if ((await findDomainSuppression(database, subscriber.email)) !== undefined) return;
    const key = `confirm-${consentId}`;
    await sendTransactional(
      subscriber.status === 'active'
        ? subscribedAlreadyMail(site, subscriber, links.unsubscribeUrl(subscriberId, null), key)
        : confirmationMail(site, subscriber, links.confirmUrl(subscriberId), key),
    );
  };
}
