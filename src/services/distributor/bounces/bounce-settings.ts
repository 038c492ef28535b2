export type BounceMailboxSettings = {
  readonly protocol: 'imap' | 'pop3';
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Of IMAP. */
  readonly folder: string;
};

/** How others tell what became of mails. */
export type BounceSettings = {
  /** Mail that comes back comes to it, with the delivery in it. */
  readonly address: string | null;
  readonly mailbox: BounceMailboxSettings | null;
  readonly listener: { readonly host: string; readonly port: number } | null;
  /** By provider, what its webhook is checked by: topic (ses), public key (sendgrid), `user:password` (postmark), signing key (mailgun). */
  readonly webhookSecrets: Readonly<Partial<Record<'ses' | 'sendgrid' | 'postmark' | 'mailgun', string>>>;
};
