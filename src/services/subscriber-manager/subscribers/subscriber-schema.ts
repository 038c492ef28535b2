import { Type } from 'typebox';
import { PageOf, PageQuery } from '#platform/http-server';
import { closed, nullable, Uuid } from '#shared/schema';
import { maxTextLength } from '../custom-fields/custom-field-types.ts';
import { displayEmail } from './email-address.ts';
import { maxEmailLength, maxNameLength, maxTagLength, maxTags } from './subscriber-fields.ts';
import { type Consent, frequencies, mailFormats, type Subscriber, subscriberStatuses } from './subscriber-types.ts';

const maxCustomFields = 50;
const customFields = Type.Record(
  Type.String({ pattern: '^[\\w.-]{1,50}$' }),
  Type.Union([Type.String({ maxLength: maxTextLength }), Type.Number(), Type.Boolean(), Type.Null()]),
  {
    maxProperties: maxCustomFields,
    ...closed,
    description: 'By the names of the custom fields; what is not named stays, null takes a value away.',
  },
);

/** One schema and not a union of two, so that a fault is one fault. */
const textOrNull = (options: { readonly maxLength: number; readonly description?: string }) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], ...options });

const name = textOrNull({ maxLength: maxNameLength });
const country = textOrNull({ maxLength: 2, description: 'ISO 3166-1 alpha-2.' });
const language = Type.String({ maxLength: 35, description: 'BCP 47.' });
const timezone = textOrNull({ maxLength: 64, description: 'A name of the IANA time zone database.' });
const tags = Type.Array(Type.String({ maxLength: maxTagLength }), { maxItems: maxTags });
const topics = Type.Array(Type.String({ maxLength: 80 }), { maxItems: 50, description: 'Slugs of categories; none: everything.' });
const frequency = Type.Enum([...frequencies], { description: 'The most that is sent.' });
const format = Type.Enum([...mailFormats]);
const sendHour = Type.Unsafe<number | null>({
  type: ['integer', 'null'],
  minimum: 0,
  maximum: 23,
  description: 'Hour of the day, in the time zone of the reader, at which mail is welcome; null: any.',
});
const allowDisposable = Type.Boolean({ description: 'Takes an address of a disposable mail service, which is refused else.' });
const statement = (description: string) => Type.String({ minLength: 10, maxLength: 1000, description });
const email = Type.String({ maxLength: maxEmailLength, pattern: '^[^\\s@]+@[^\\s@]+$', description: 'One e-mail address.' });

const subscriberFields = {
  id: Uuid,
  email: Type.String({ description: 'The domain in ASCII, as it is compared and sent to.' }),
  displayEmail: Type.String({ description: 'The domain in Unicode, as people write it.' }),
  name: nullable(Type.String()),
  status: Type.String({ enum: [...subscriberStatuses] }),
  subscriptionDate: Type.String({ format: 'date-time' }),
  country: nullable(Type.String()),
  language: Type.String(),
  timezone: nullable(Type.String()),
  tags: Type.Array(Type.String()),
  topics: Type.Array(Type.String()),
  frequency: Type.String({ enum: [...frequencies] }),
  format: Type.String({ enum: [...mailFormats] }),
  sendHour: nullable(Type.Integer()),
  pausedUntil: nullable(Type.String({ format: 'date-time' })),
  customFields: Type.Record(Type.String(), Type.Unknown()),
  source: Type.String(),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
};

export const SubscriberView = Type.Object(subscriberFields);
export const SubscriberPage = PageOf(SubscriberView);
const ConsentView = Type.Object({
  id: Uuid,
  action: Type.String({ enum: ['requested', 'confirmed', 'withdrawn', 'imported'] }),
  statement: Type.String({ description: 'The words that were shown, or how the consent came about.' }),
  language: nullable(Type.String()),
  form: nullable(Type.String()),
  origin: Type.String(),
  ip: nullable(Type.String()),
  userAgent: nullable(Type.String()),
  givenAt: Type.String({ format: 'date-time' }),
});
export const SubscriberWithConsents = Type.Object({
  ...subscriberFields,
  consents: Type.Array(ConsentView, { description: 'The trail of what was allowed and withdrawn, oldest first.' }),
});

/** A file for the person, whose parts the services that keep them describe. */
export const PersonalDataView = Type.Record(Type.String(), Type.Unknown());

export const SubscriberQuery = Type.Object(
  {
    ...PageQuery,
    status: Type.Optional(Type.Enum([...subscriberStatuses])),
    tag: Type.Optional(Type.String({ maxLength: maxTagLength })),
    email: Type.Optional(Type.String({ maxLength: maxEmailLength, description: 'This very address.' })),
    q: Type.Optional(Type.String({ maxLength: 200, description: 'How the address or name begins.' })),
  },
  closed,
);

const details = {
  name: Type.Optional(name),
  country: Type.Optional(country),
  language: Type.Optional(language),
  timezone: Type.Optional(timezone),
  tags: Type.Optional(tags),
  topics: Type.Optional(topics),
  frequency: Type.Optional(frequency),
  format: Type.Optional(format),
  sendHour: Type.Optional(sendHour),
  customFields: Type.Optional(customFields),
};

export const NewSubscriberBody = Type.Object(
  {
    email,
    ...details,
    allowDisposable: Type.Optional(allowDisposable),
    confirmedBy: Type.Optional(
      statement(
        'How and when the person consented, in words. With it the subscriber is active at once; without it, a confirmation mail is sent.',
      ),
    ),
  },
  closed,
);

export const SubscriberChangeBody = Type.Object(details, { ...closed, minProperties: 1 });

export const ConfirmBody = Type.Object({ confirmedBy: statement('How and when the person consented, in words.') }, closed);

export const maxBulkItems = 1000;
export const bulkActions = ['tag', 'untag', 'unsubscribe', 'suppress'] as const;

export const BulkBody = Type.Object(
  {
    action: Type.Enum([...bulkActions]),
    ids: Type.Optional(Type.Array(Uuid, { maxItems: maxBulkItems })),
    emails: Type.Optional(Type.Array(Type.String({ maxLength: maxEmailLength }), { maxItems: maxBulkItems })),
    tags: Type.Optional(Type.Array(Type.String({ maxLength: maxTagLength }), { maxItems: maxTags, description: 'Of `tag` and `untag`.' })),
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 300, description: 'Of `suppress`.' })),
  },
  closed,
);

export const BulkView = Type.Object({
  changed: Type.Integer(),
  items: Type.Array(
    Type.Object({
      item: Type.String({ description: 'The id or address as it was given.' }),
      outcome: Type.String({ enum: ['changed', 'unchanged', 'not_found', 'refused'] }),
      reason: nullable(Type.String()),
    }),
    { description: 'In the order given, ids first.' },
  ),
});

export function viewOf(subscriber: Subscriber) {
  const { subscriptionDate, createdAt, updatedAt, pausedUntil, tags: subscriberTags, topics: subscriberTopics, ...rest } = subscriber;
  return {
    ...rest,
    displayEmail: displayEmail(subscriber.email),
    tags: [...subscriberTags],
    topics: [...subscriberTopics],
    pausedUntil: pausedUntil?.toISOString() ?? null,
    subscriptionDate: subscriptionDate.toISOString(),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}

export const viewOfConsent = ({ givenAt, ...rest }: Consent) => ({ ...rest, givenAt: givenAt.toISOString() });
