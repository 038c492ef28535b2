/** Payload: { subscriberId }. */
export const subscriberConfirmed = 'subscriber.confirmed';
/** Payload: `SubscriberChanges` and { subscriberId }. */
export const subscriberChanged = 'subscriber.changed';
/** Payload: { subscriberId, issueId: string | null, reason? } — the issue whose link was followed, where one was; one of `unsubscribeReasons`. */
export const subscriberUnsubscribed = 'subscriber.unsubscribed';
/** Payload: { subscriberId, reason }. */
export const subscriberBounced = 'subscriber.bounced';
/** Payload: { subscriberId, reason }. */
export const subscriberComplained = 'subscriber.complained';
/** Payload: { subscriberId }. What names the person is gone already. */
export const subscriberErased = 'subscriber.erased';
