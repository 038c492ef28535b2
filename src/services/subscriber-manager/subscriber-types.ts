export const subscriberStatuses = ['pending', 'active', 'unsubscribed', 'bounced', 'complained', 'erased'] as const;
export type SubscriberStatus = (typeof subscriberStatuses)[number];

export type Subscriber = {
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  readonly status: SubscriberStatus;
  readonly subscriptionDate: Date;
  readonly country: string | null;
  readonly language: string;
  readonly timezone: string | null;
  readonly tags: readonly string[];
  readonly customFields: Readonly<Record<string, unknown>>;
  readonly source: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

/** `requested` and `confirmed` are the two halves of double opt-in; the trail is only ever added to. */
export type ConsentAction = 'requested' | 'confirmed' | 'withdrawn' | 'imported';

export type Consent = {
  readonly id: string;
  readonly action: ConsentAction;
  readonly statement: string;
  readonly origin: string;
  readonly givenAt: Date;
};

/** What a mail to somebody is written with, and whether it may be sent at this moment. */
export type Recipient = {
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  readonly language: string;
  /** Why no mail may go to this person now; null when it may. */
  readonly obstacle: 'suppressed' | Exclude<SubscriberStatus, 'active'> | null;
};

/** Topics that a reader may choose on the preferences page. */
export type Topic = { readonly slug: string; readonly name: string };

/** Where a change of consent came from. */
export type Origin = { readonly origin: string; readonly ip?: string | undefined };
