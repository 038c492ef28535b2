export type EventLabel = 'human' | 'prefetch' | 'scanner' | 'unknown';

export const emailEventTypes = ['open', 'click', 'delivered', 'soft_bounce', 'hard_bounce', 'complaint', 'unsubscribe'] as const;
export type EmailEventType = (typeof emailEventTypes)[number];

/** In place of a link's number: the link that no reader sees. */
export const honeypotLink = -1;

export type EmailEvent = {
  /** With `occurredAt` what tells an event from another: the same again changes nothing. A handler takes them from what it handles. */
  readonly id: string;
  readonly type: EmailEventType;
  readonly issueId: string;
  /** Null: nobody is to know whose it was. */
  readonly subscriberId: string | null;
  readonly occurredAt: Date;
  /** Of opens and clicks; `unknown` unless told. */
  readonly label?: EventLabel;
  /** The label instead when it came before the ledger says that the mail was sent, or less than `withinMs` after. */
  readonly early?: { readonly label: EventLabel; readonly withinMs: number } | undefined;
  /** Of clicks: the link's number, or `honeypotLink`. */
  readonly link?: number | undefined;
  /** What the ledger says unless told. */
  readonly variant?: number | undefined;
  /** Lower case; what the ledger says unless told. */
  readonly mailHost?: string | undefined;
  /** Of bounces, a word or an enhanced status code. */
  readonly bounceClass?: string | undefined;
  readonly userAgent?: string | undefined;
  /** `<provider>:<id>`: a provider's event is recorded once, whatever its time. */
  readonly providerEventId?: string | undefined;
};

/** `email_engagements.what`; a link's number is what it is. */
export const engagementKinds = {
  open: -1,
  click: -2,
  delivered: -3,
  soft_bounce: -4,
  hard_bounce: -5,
  complaint: -6,
  unsubscribe: -7,
  /** A hard bounce of what a server had accepted before. */
  returned: -8,
} as const;
