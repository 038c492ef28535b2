import type { BounceSettings } from '#services/distributor';

const ports = { 'imap:': 143, 'imaps:': 993, 'pop3:': 110, 'pop3s:': 995 } as const;

type Values = Readonly<
  Record<'BOUNCE_ADDRESS' | 'BOUNCE_MAILBOX_URL' | 'BOUNCE_LISTENER_PORT' | 'BOUNCE_LISTENER_HOST' | 'MAIL_WEBHOOK_SECRETS', string>
>;

function mailboxOf(text: string): BounceSettings['mailbox'] {
  if (text === '') return null;
  const url = new URL(text);
  const protocol = url.protocol as keyof typeof ports;
  return {
    protocol: protocol.startsWith('imap') ? 'imap' : 'pop3',
    isSecure: protocol === 'imaps:' || protocol === 'pop3s:',
    host: url.hostname,
    port: url.port === '' ? ports[protocol] : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    folder: decodeURIComponent(url.pathname.slice(1)) || 'INBOX',
  };
}

/** From the values as they were checked one by one. */
export function bouncesOf(values: Values): BounceSettings {
  const secrets = values.MAIL_WEBHOOK_SECRETS.split(',').filter((part) => part !== '');
  const port = Number(values.BOUNCE_LISTENER_PORT);
  return {
    address: values.BOUNCE_ADDRESS || null,
    mailbox: mailboxOf(values.BOUNCE_MAILBOX_URL),
    listener: port === 0 ? null : { host: values.BOUNCE_LISTENER_HOST, port },
    webhookSecrets: Object.fromEntries(secrets.map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)])),
  };
}
