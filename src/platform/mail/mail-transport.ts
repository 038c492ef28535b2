export type MailAddress = { readonly address: string; readonly name?: string };

export type OutgoingMail = {
  readonly from: MailAddress;
  readonly to: MailAddress;
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  /** With angle brackets. The same message tried again keeps it, so that a lost answer can be looked up. */
  readonly messageId: string;
  readonly date: Date;
  readonly headers: Readonly<Record<string, string>>;
};

export type SendOutcome =
  | { readonly kind: 'accepted'; readonly response: string }
  | {
      readonly kind: 'rejected';
      /** True when a later try may succeed. */
      readonly temporary: boolean;
      /** SMTP reply code. */
      readonly code: number;
      /** RFC 3463, `5.1.1`; null when the server gave none. */
      readonly enhancedCode: string | null;
      readonly response: string;
    }
  /** The whole message had left when the connection ended: the server may have taken it. */
  | { readonly kind: 'unknown'; readonly response: string };

/** SMTP envelope (RFC 5321): bare addresses; bounces come back to `from`. */
export type Envelope = { readonly from: string; readonly to: string };

/** A whole message as it goes over the wire, with CRLF line ends and not yet dot-stuffed. */
export type ReadyMail = { readonly envelope: Envelope; readonly messageId: string; readonly raw: Buffer };

/** What a server remembers of a message: `unknown` when its memory does not reach back far enough. */
export type LookupOutcome = 'accepted' | 'absent' | 'unknown';

export type MailTransport = {
  /** Messages that can be under way at once; further ones wait for their turn. */
  readonly maxConnections: number;
  /** @throws AppError `mail_unavailable` (retryable) when the server cannot be used and surely did not take the message. */
  send(message: OutgoingMail): Promise<SendOutcome>;
  /** @throws AppError as `send` does */
  deliver(message: ReadyMail): Promise<SendOutcome>;
  /** Only of servers that can be asked what they accepted. `since`: no earlier than this was the message handed over. */
  readonly findByMessageId?: (messageId: string, since: Date) => Promise<LookupOutcome>;
  /** @throws AppError `mail_unavailable` when no session with the server can be opened. */
  verify(): Promise<void>;
  close(): Promise<void>;
};
