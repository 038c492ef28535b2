export const subscriberStatuses = ['pending', 'active', 'unsubscribed', 'bounced', 'complained', 'erased'] as const;
export type SubscriberStatus = (typeof subscriberStatuses)[number];

export const frequencies = ['all', 'weekly', 'monthly'] as const;
export type Frequency = (typeof frequencies)[number];

export const mailFormats = ['html', 'text'] as const;
export type MailFormat = (typeof mailFormats)[number];

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

/** What a person wants. */
export type Preferences = {
  /** Slugs of categories; none: everything. */
  readonly topics: readonly string[];
  readonly frequency: Frequency;
  readonly format: MailFormat;
  /** Hour of the reader's own day, 0 to 23, at which mail is welcome; null: any. */
  readonly sendHour: number | null;
};

export type FieldValue = string | number | boolean;
export type CustomFields = Readonly<Record<string, unknown>>;

export type Subscriber = Profile &
  Preferences & {
    readonly id: string;
    readonly email: string;
    readonly status: SubscriberStatus;
    readonly subscriptionDate: Date;
    readonly customFields: CustomFields;
    readonly source: string;
    /** No campaign goes to them before; null, or past: none is on. */
    readonly pausedUntil: Date | null;
    readonly createdAt: Date;
    readonly updatedAt: Date;
  };

/** `requested` and `confirmed` are the two halves of double opt-in; the trail is only ever added to. */
export type ConsentAction = 'requested' | 'confirmed' | 'withdrawn' | 'imported';

export type Consent = {
  readonly id: string;
  readonly action: ConsentAction;
  /** The words that were shown, or how the consent came about. */
  readonly statement: string;
  readonly language: string | null;
  /** Slug of the form. */
  readonly form: string | null;
  readonly origin: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly givenAt: Date;
};

/** The words of a consent as they were shown. */
export type Statement = { readonly text: string; readonly language?: string | null; readonly form?: string | null };

/** What a mail to somebody is written with, and whether it may be sent at this moment. */
export type Recipient = {
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  readonly language: string;
  readonly country: string | null;
  readonly timezone: string | null;
  readonly tags: readonly string[];
  readonly topics: readonly string[];
  readonly customFields: Readonly<Record<string, unknown>>;
  readonly format: 'html' | 'text';
  /** Ids of those of the asked segments that the person belongs to now. */
  readonly segments: readonly string[];
  /** Why no mail may go to this person now; null when it may. */
  readonly obstacle: 'suppressed' | 'paused' | Exclude<SubscriberStatus, 'active'> | null;
};

/** Where a change of consent came from. */
export type Origin = { readonly origin: string; readonly ip?: string | undefined; readonly userAgent?: string | undefined };
