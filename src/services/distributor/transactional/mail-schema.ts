import { type Static, Type } from 'typebox';
import { closed, nullable, Uuid } from '#shared/schema';
import type { MailTemplate, TransactionalMail } from './mail-types.ts';

const time = Type.String({ format: 'date-time' });
const maxBodyLength = 200_000;

const TemplateName = Type.String({ pattern: '^[a-z0-9]+(-[a-z0-9]+)*$', maxLength: 80 });
const Subject = Type.String({ minLength: 1, maxLength: 300, description: 'Liquid.' });
const Html = Type.String({ maxLength: maxBodyLength, description: 'Liquid in HTML or MJML; made of the text where it is left out.' });
const Text = Type.String({ maxLength: maxBodyLength, description: 'Liquid; made of the HTML where it is left out.' });
const Variables = Type.Record(Type.String(), Type.Unknown(), {
  maxProperties: 100,
  description: 'What the Liquid names; an unknown name is an error. `site` is given: title, url, language.',
});

export const MailStatus = Type.Enum(['queued', 'sending', 'sent', 'failed', 'uncertain', 'suppressed']);

/** The framework gives header names in lower case; others that come along are no fault. */
export const KeyHeader = Type.Object({
  'idempotency-key': Type.String({
    minLength: 1,
    maxLength: 255,
    pattern: '^[\\x20-\\x7e]+$',
    description: 'Two requests with the same are one mail.',
  }),
});

export const NewMailBody = Type.Object(
  {
    to: Type.Object(
      {
        address: Type.Optional(Type.String({ minLength: 3, maxLength: 320 })),
        name: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
        subscriberId: Type.Optional(Uuid),
      },
      { ...closed, description: 'An address, or a subscriber; with both, the mail goes to the address and is told of the subscriber.' },
    ),
    template: Type.Optional(TemplateName),
    subject: Type.Optional(Subject),
    html: Type.Optional(Html),
    text: Type.Optional(Text),
    variables: Type.Optional(Variables),
  },
  closed,
);

export const MailView = Type.Object({
  id: Uuid,
  status: Type.Enum(['queued', 'sending', 'sent', 'failed', 'uncertain', 'suppressed'], {
    description: 'sent: the mail server took it. uncertain: nobody knows whether it did; it is not sent again by itself.',
  }),
  to: Type.Object({ address: nullable(Type.String()), name: nullable(Type.String()), subscriberId: nullable(Uuid) }),
  template: nullable(Type.String()),
  subject: Type.String(),
  attempts: Type.Integer(),
  reason: nullable(Type.String()),
  nextAttemptAt: nullable(time),
  createdAt: time,
  changedAt: time,
});

export const MailResolutionBody = Type.Object({ outcome: Type.Enum(['sent', 'failed', 'resend']) }, closed);

export const TemplateParams = Type.Object({ name: TemplateName }, closed);
export const TemplateBody = Type.Object(
  {
    subject: Subject,
    html: Type.Optional(Html),
    text: Type.Optional(Text),
    sample: Type.Optional(Variables),
  },
  closed,
);
export const TemplateQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ maxLength: 80, description: 'Name of the last of the page before.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
  },
  closed,
);
export const TemplateView = Type.Object({
  name: Type.String(),
  subject: Type.String(),
  html: Type.String(),
  text: Type.String(),
  version: Type.Integer(),
  updatedBy: Type.String(),
  createdAt: time,
  updatedAt: time,
});

export function mailView(mail: TransactionalMail): Static<typeof MailView> {
  const { id, status, address, recipientName: name, subscriberId, template, subject, attempts, reason } = mail;
  return {
    ...{ id, status, template, subject, attempts, reason },
    to: { address, name, subscriberId },
    nextAttemptAt: mail.nextAttemptAt?.toISOString() ?? null,
    createdAt: mail.createdAt.toISOString(),
    changedAt: mail.changedAt.toISOString(),
  };
}

export function templateView(template: MailTemplate): Static<typeof TemplateView> {
  return { ...template, createdAt: template.createdAt.toISOString(), updatedAt: template.updatedAt.toISOString() };
}
