export const subscriberStatuses = ['pending', 'active', 'unsubscribed', 'bounced', 'complained', 'erased'] as const;
export type SubscriberStatus = (typeof subscriberStatuses)[number];

/** What a person tells about themselves. */
export type Profile = {
  readonly name: string | null;
  /** ISO 3166-1 alpha-2. */
  readonly country: string | null;
  /** BCP 47, in its canonical form. */
  readonly language: string;
  /** A name of the IANA time zone database. */
  readonly timezone: string | null;
  /** Lower case, each once. */
  readonly tags: readonly string[];
};

export type Subscriber = Profile & {
  readonly id: string;
  readonly email: string;
  readonly status: SubscriberStatus;
  readonly subscriptionDate: Date;
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

/** Where a change of consent came from. */
export type Origin = { readonly origin: string; readonly ip?: string | undefined };
