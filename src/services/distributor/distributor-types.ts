import type { Compute } from '#platform/compute';
import type { Queryable, RawBuilder, Transaction } from '#platform/database';
import type { MailTransport } from '#platform/mail';
import type { ServiceDependencies } from '#platform/service';

export type PublishedArticle = {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  readonly summary: string;
  readonly url: string;
  readonly language: string;
  readonly category: string | null;
  readonly publishedAt: Date;
};

export type Recipient = {
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  readonly language: string;
  /** Why no mail may go to this person now; null when it may. */
  readonly obstacle: string | null;
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
};

/** What the distributor asks of the subscribers; it never reads their tables. */
export type Audience = {
  unsubscribeUrl(subscriberId: string, issueId: string | null): string;
  findRecipients(database: Queryable, ids: readonly string[]): Promise<readonly Recipient[]>;
  /** Runs `insertFrom` over a select of the ids that may be written to; returns the number of rows inserted. */
  enqueueAudience(
    tx: Transaction,
    request: {
      readonly segmentId?: string | null;
      readonly insertFrom: (audience: RawBuilder<{ id: string }>) => RawBuilder<unknown>;
    },
  ): Promise<number>;
  markBounced(tx: Transaction, subscriberId: string, reason: string): Promise<void>;
};

export type EmailEngagement = {
  readonly type: 'email_open' | 'email_click';
  readonly contentId?: string;
  readonly issueId: string;
  readonly subscriberId: string;
  readonly url?: string;
  readonly userAgent?: string;
};

export type Site = { readonly baseUrl: string; readonly title: string; readonly tagline: string; readonly language: string };

export type DistributorDependencies = ServiceDependencies & {
  /** Compiles templates aside from the requests. */
  readonly compute: Compute;
  readonly site: Site;
  /** Signs tracking links. */
  readonly secret: string;
  readonly mail: MailTransport;
  /** `Name <address>`. */
  readonly mailFrom: string;
  readonly postalAddress: string;
  readonly contentManager: ArticleSource;
  readonly subscribers: Audience;
  readonly analytics: { record(event: EmailEngagement, tx?: Transaction): Promise<void> };
  readonly templatesFolder: string;
};

export const issueStatuses = ['draft', 'preparing', 'sending', 'sent', 'paused', 'cancelled', 'failed'] as const;
export type IssueStatus = (typeof issueStatuses)[number];

/** A link of an issue; its place in the list is the number that a tracking link names. */
export type IssueLink = { readonly url: string; readonly contentId: string | null };

export type Issue = {
  readonly id: string;
  readonly key: string;
  readonly subject: string;
  readonly preheader: string;
  readonly templateId: string;
  readonly articleIds: readonly string[];
  readonly segmentId: string | null;
  readonly status: IssueStatus;
  readonly statusReason: string | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
};

/** An issue as it is sent: compiled, articles filled in; only what differs by recipient is still open. */
export type IssueContent = { readonly html: string; readonly text: string; readonly links: readonly IssueLink[] };

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
