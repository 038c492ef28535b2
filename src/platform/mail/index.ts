export { normalizeEmail, parseMailbox } from './mail-address.ts';
export type { LookupOutcome, MailAddress, MailTransport, OutgoingMail, SendOutcome } from './mail-transport.ts';
export { mailboxRoutes } from './mailbox-routes.ts';
export { createMailboxLookup, createMailboxServer, type MailboxServer, type MailboxServerOptions } from './mailbox-server.ts';
export { isHardBounce } from './smtp-reply.ts';
export { createSmtpTransport, type SmtpTransportOptions } from './smtp-transport.ts';
export { createTransactionalSender, type TransactionalMail } from './transactional-sender.ts';
