/** Payload: { subscriberId }. */
export const subscriberConfirmed = 'subscriber.confirmed';
/** Payload: { subscriberId, issueId: string | null } — the issue whose link was followed, where one was. */
export const subscriberUnsubscribed = 'subscriber.unsubscribed';
/** Payload: { subscriberId, reason }. */
export const subscriberBounced = 'subscriber.bounced';
/** Payload: { subscriberId }. What names the person is gone already. */
export const subscriberErased = 'subscriber.erased';
