import type { Caches } from '#platform/cache';
import type { Compute } from '#platform/compute';
import type { Queryable, RawBuilder, Transaction } from '#platform/database';
import type { HttpClient } from '#platform/http-client';
import type { MailTransport } from '#platform/mail';
import type { ServiceDependencies } from '#platform/service';
import type { Storage } from '#platform/storage';
import type { BounceSettings } from './bounces/bounce-settings.ts';
import type { InstagramAccount } from './instagram/instagram-types.ts';

export type PublishedArticle = {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  readonly summary: string;
  readonly url: string;
  readonly language: string;
  readonly category: string | null;
  readonly publishedAt: Date;
  /** Of our own site. */
  readonly image?: { readonly url: string; readonly alt: string };
};

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
  readonly obstacle: string | null;
};

/** A row of the select that `enqueueAudience` hands over. */
export type AudienceRow = {
  readonly id: string;
  /** Lower case. */
  readonly host: string;
  readonly timezone: string | null;
  readonly send_hour: number | null;
  readonly frequency: 'all' | 'weekly' | 'monthly';
};

/** What the distributor asks of the articles. */
export type ArticleSource = {
  listPublished(filter: {
    readonly since?: Date;
    readonly limit: number;
    readonly language?: string;
  }): Promise<readonly PublishedArticle[]>;
  /** Undefined, or an AppError `not_found`, when no published article has the id. */
  findArticle(id: string): Promise<PublishedArticle | undefined>;
  /** JPEG, for a post on a social network. */
  renderSocialPicture(article: { readonly slug: string; readonly category: string | null }): Promise<Buffer>;
};

/** What the distributor asks of the subscribers; it never reads their tables. */
export type Audience = {
  unsubscribeUrl(subscriberId: string, issueId: string | null): string;
  preferencesUrl(subscriberId: string): string;
  /** `segmentIds`: of which segments to say whether a person belongs to them. */
  findRecipients(database: Queryable, ids: readonly string[], segmentIds?: readonly string[]): Promise<readonly Recipient[]>;
  /** Runs `insertFrom` over a select of those who may be written to; returns the number of rows inserted. */
  enqueueAudience(
    tx: Transaction,
    request: {
      readonly segmentId?: string | null;
      /** Readers who chose topics are among them when one of theirs is named; none named: all readers. */
      readonly topics?: readonly string[];
      /** Of these only, where it is given. */
      readonly ids?: readonly string[];
      readonly insertFrom: (audience: RawBuilder<AudienceRow>) => RawBuilder<unknown>;
    },
  ): Promise<number>;
  markBounced(tx: Transaction, subscriberId: string, reason: string): Promise<void>;
  markComplained(tx: Transaction, subscriberId: string, reason: string): Promise<void>;
  unsubscribe(
    tx: Transaction,
    subscriberId: string,
    origin: { readonly origin: string; readonly issueId?: string | null | undefined },
  ): Promise<unknown>;
  /** Names of the custom fields that are declared; left out where none have to be. */
  readonly customFieldNames?: (database: Queryable) => Promise<readonly string[]>;
  hasSegment(id: string): Promise<boolean>;
  /** Whether the address, or its whole domain, gets no mail at all. */
  isSuppressed(email: string): Promise<boolean>;
  /** Slug of the form by which the person asked to subscribe; null where there was none. */
  findForm(database: Queryable, subscriberId: string): Promise<string | null>;
  /** Adds and removes tags of one person; of somebody who is gone, nothing. */
  changeTags(
    tx: Transaction,
    subscriberId: string,
    change: { readonly add: readonly string[]; readonly remove: readonly string[] },
  ): Promise<void>;
};

/** What a day adds to the figures of an article: opens of mails that carry it, clicks on links that lead to it. */
export type EmailFigure = {
  readonly contentId: string;
  /** `YYYY-MM-DD`, UTC. */
  readonly day: string;
  readonly type: 'open' | 'click';
  /** All of them. Below zero never; `human` is, where readers turned out to be machines. */
  readonly count: number;
  readonly human: number;
};

export type Site = { readonly baseUrl: string; readonly title: string; readonly tagline: string; readonly language: string };

export type DistributorDependencies = ServiceDependencies & {
  /** Pictures of newsletters. */
  readonly storage: Storage;
  /** Checks links, and fetches pictures once. */
  readonly httpClient: HttpClient;
  /** Mail goes to the embedded mailbox and to nobody: what DNS says of the sender does not matter. */
  readonly isMailbox?: boolean;
  /** With which mail is signed: their records are looked for before a campaign is sent. */
  readonly dkimKeys?: readonly { readonly domain: string; readonly selector: string }[];
  /** Where posts are published; none is connected unless given. */
  readonly instagram?: InstagramAccount | undefined;
  /** Compiles templates aside from the requests. */
  readonly compute: Compute;
  readonly site: Site;
  /** Signs tracking links. */
  readonly secret: string;
  readonly mail: MailTransport;
  /** `Name <address>`. */
  readonly mailFrom: string;
  /** How bounces and complaints are heard of; not at all unless given. */
  readonly bounces?: BounceSettings;
  readonly postalAddress: string;
  readonly contentManager: ArticleSource;
  readonly subscribers: Audience;
  readonly caches: Pick<Caches, 'named'>;
  readonly analytics: { addEmailFigures(tx: Transaction, figures: readonly EmailFigure[]): Promise<void> };
  readonly templatesFolder: string;
};

export const issueStatuses = ['draft', 'scheduled', 'preparing', 'sending', 'sent', 'paused', 'cancelled', 'failed'] as const;
export type IssueStatus = (typeof issueStatuses)[number];

/** A link of an issue; its place in the list is the number that a tracking link names. */
export type IssueLink = { readonly url: string; readonly contentId: string | null };

export type IssueBlock = { readonly slot: string; readonly segmentIds: readonly string[]; readonly body: string };
export type IssueVariant = { readonly subject?: string; readonly preheader?: string; readonly body?: string };
export type AbTest = {
  /** Part of the audience that gets the variants, in equal shares: above 0, at most 1. */
  readonly share: number;
  readonly metric: 'clicks' | 'opens';
  readonly hours: number;
};
export type AbVariantResult = { readonly variant: number; readonly sent: number; readonly engaged: number; readonly rate: number };
export type AbResult = {
  readonly winner: number;
  /** `engagement`, or the person who chose. */
  readonly decidedBy: string;
  readonly decidedAt: string;
  readonly metric: AbTest['metric'];
  readonly variants: readonly AbVariantResult[];
  /** Of a chi-square test that all variants do equally well; null where the figures are too small for it. */
  readonly pValue: number | null;
  readonly isSignificant: boolean;
};
/** `at`: one moment. `reader_timezone`: that time of day by each reader's clock. `reader_hour`: from `at` on, at each reader's preferred hour. */
export type IssueSchedule = { readonly mode: 'at' | 'reader_timezone' | 'reader_hour'; readonly at: string; readonly timezone: string };

export type Issue = {
  readonly id: string;
  readonly kind: 'campaign' | 'digest' | 'sequence_step';
  readonly key: string;
  readonly subject: string;
  readonly preheader: string;
  readonly templateId: string;
  readonly articleIds: readonly string[];
  readonly segmentId: string | null;
  readonly topics: readonly string[];
  /** Markdown. */
  readonly body: string;
  readonly blocks: readonly IssueBlock[];
  readonly variables: Readonly<Record<string, unknown>>;
  readonly textOverride: string | null;
  readonly tracking: 'individual' | 'anonymous' | 'off';
  /** What becomes of a delivery of which nobody knows whether it arrived. */
  readonly onUncertain: 'hold' | 'resend';
  readonly schedule: IssueSchedule | null;
  readonly scheduledAt: Date | null;
  readonly variants: readonly IssueVariant[];
  readonly abTest: AbTest | null;
  readonly winner: number | null;
  /** When the A/B test can be decided; null before its last mail has left. */
  readonly abDecideAt: Date | null;
  readonly abResult: AbResult | null;
  /** Its readers are those who got that issue and did not open it. */
  readonly resendOf: string | null;
  readonly createdBy: string;
  /** Counts the changes of what is written. */
  readonly version: number;
  readonly status: IssueStatus;
  readonly statusReason: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
};

/** A version of an issue as it is sent: compiled, articles filled in; only what differs by recipient is still open. */
export type VariantContent = { readonly subject: string; readonly html: string; readonly text: string };
/** By the number of the variant; the links are numbered over all of them. */
export type IssueContent = { readonly variants: readonly VariantContent[]; readonly links: readonly IssueLink[] };

export type DeliveryCounts = {
  readonly total: number;
  readonly queued: number;
  readonly claimed: number;
  readonly sending: number;
  readonly sent: number;
  readonly failed: number;
  readonly skipped: number;
  /** Handed over when the connection or the process ended: nobody can say whether it arrived, so it is not sent again. */
  readonly uncertain: number;
};
