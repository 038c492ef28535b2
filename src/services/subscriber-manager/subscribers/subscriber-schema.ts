import { Type } from 'typebox';
import { PageOf, PageQuery } from '#platform/http-server';
import { closed, nullable, Uuid } from '#shared/schema';
import { maxEmailLength, maxNameLength, maxTagLength, maxTags } from './subscriber-fields.ts';
import { type Consent, type Subscriber, subscriberStatuses } from './subscriber-types.ts';

const maxCustomFields = 50;
const customFields = Type.Record(
  Type.String({ pattern: '^[\\w.-]{1,50}$' }),
  Type.Union([Type.String({ maxLength: 1000 }), Type.Number(), Type.Boolean(), Type.Null()]),
  {
    maxProperties: maxCustomFields,
    ...closed,
    description: 'What you want to know about the person: names with plain values.',
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
const email = Type.String({ maxLength: maxEmailLength, pattern: '^[^\\s@]+@[^\\s@]+$', description: 'One e-mail address.' });

const subscriberFields = {
  id: Uuid,
  email: Type.String(),
  name: nullable(Type.String()),
  status: Type.String({ enum: [...subscriberStatuses] }),
  subscriptionDate: Type.String({ format: 'date-time' }),
  country: nullable(Type.String()),
  language: Type.String(),
  timezone: nullable(Type.String()),
  tags: Type.Array(Type.String()),
  customFields: Type.Record(Type.String(), Type.Unknown()),
  source: Type.String(),
  createdAt: Type.String({ format: 'date-time' }),
  updatedAt: Type.String({ format: 'date-time' }),
};

export const SubscriberView = Type.Object(subscriberFields);
export const SubscriberPage = PageOf(SubscriberView);
export const SubscriberWithConsents = Type.Object({
  ...subscriberFields,
  consents: Type.Array(
    Type.Object({
      id: Uuid,
      action: Type.String({ enum: ['requested', 'confirmed', 'withdrawn', 'imported'] }),
      statement: Type.String(),
      origin: Type.String(),
      givenAt: Type.String({ format: 'date-time' }),
    }),
    { description: 'The trail of what was allowed and withdrawn, oldest first.' },
  ),
});

export const SubscriberQuery = Type.Object(
  {
    ...PageQuery,
    status: Type.Optional(Type.Enum([...subscriberStatuses])),
    tag: Type.Optional(Type.String({ maxLength: maxTagLength })),
    q: Type.Optional(Type.String({ maxLength: 200, description: 'A part of the address or name.' })),
  },
  closed,
);

export const NewSubscriberBody = Type.Object(
  {
    email,
    name: Type.Optional(name),
    country: Type.Optional(country),
    language: Type.Optional(language),
    timezone: Type.Optional(timezone),
    tags: Type.Optional(tags),
    confirmedBy: Type.Optional(
      Type.String({
        minLength: 10,
        maxLength: 1000,
        description:
          'How and when the person consented, in words. With it the subscriber is active at once; without it, a confirmation mail is sent.',
      }),
    ),
  },
  closed,
);

export const SubscriberChangeBody = Type.Object(
  {
    name: Type.Optional(name),
    country: Type.Optional(country),
    language: Type.Optional(language),
    timezone: Type.Optional(timezone),
    tags: Type.Optional(tags),
    customFields: Type.Optional(customFields),
  },
  { ...closed, minProperties: 1 },
);

export function viewOf(subscriber: Subscriber) {
  const { subscriptionDate, createdAt, updatedAt, tags: subscriberTags, ...rest } = subscriber;
  return {
    ...rest,
    tags: [...subscriberTags],
    subscriptionDate: subscriptionDate.toISOString(),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}

export const viewOfConsent = ({ givenAt, ...rest }: Consent) => ({ ...rest, givenAt: givenAt.toISOString() });
