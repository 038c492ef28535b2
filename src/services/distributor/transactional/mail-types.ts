export type MailStatus = 'queued' | 'sending' | 'sent' | 'failed' | 'uncertain' | 'suppressed';

export type TransactionalMail = {
  readonly id: string;
  readonly status: MailStatus;
  /** Null once the person was erased. */
  readonly address: string | null;
  readonly recipientName: string | null;
  readonly subscriberId: string | null;
  readonly template: string | null;
  readonly subject: string;
  /** Null once nothing more will be done. */
  readonly html: string | null;
  readonly text: string | null;
  readonly attempts: number;
  readonly reason: string | null;
  readonly nextAttemptAt: Date | null;
  readonly firstTriedAt: Date | null;
  readonly leaseUntil: Date | null;
  readonly createdAt: Date;
  readonly changedAt: Date;
};

export type MailTemplate = {
  readonly name: string;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  readonly version: number;
  readonly updatedBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

/** A subject and bodies as they are written: Liquid. An empty body is made of the other one. */
export type MailSource = { readonly subject: string; readonly html: string; readonly text: string };
