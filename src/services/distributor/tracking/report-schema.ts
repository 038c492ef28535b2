import { type Static, Type } from 'typebox';
import { nullable, Uuid } from '#shared/schema';
import type { IssueStatus } from '../distributor-types.ts';

const Count = Type.Integer();

/** Opens or clicks, by who they came from. */
export const Engagement = Type.Object({
  raw: Type.Integer({ description: 'All that came in.' }),
  human: Count,
  prefetch: Type.Integer({ description: "Loaded ahead by the reader's mail program, e.g. Apple's Mail Privacy Protection." }),
  scanner: Type.Integer({ description: 'By security products and other programs.' }),
  unknown: Count,
  readers: nullable(Type.Integer({ description: 'Different readers, of all labels; null where readers are not told apart.' })),
  humanReaders: nullable(
    Type.Integer({ description: 'Different readers with at least one human event; null where readers are not told apart.' }),
  ),
});
export type Engagement = Static<typeof Engagement>;

const outcomes = {
  sent: Type.Integer({ description: 'Accepted by a mail server.' }),
  delivered: Type.Integer({ description: 'Sent, less those that came back for good.' }),
  opens: nullable(Engagement),
  clicks: nullable(Engagement),
  unsubscribes: Count,
  complaints: Count,
  hardBounces: Count,
  softBounces: Count,
};

export const CampaignReport = Type.Object({
  campaignId: Uuid,
  status: Type.Unsafe<IssueStatus>(Type.String()),
  asOf: Type.String({ format: 'date-time' }),
  tracking: Type.Union([Type.Literal('individual'), Type.Literal('anonymous'), Type.Literal('off')], {
    description: 'anonymous: readers are not told apart, so events are counted and readers are not. off: opens and clicks are null.',
  }),
  deliveries: Type.Object({
    ...{ total: Count, queued: Count, claimed: Count, sending: Count, sent: Count, failed: Count, skipped: Count, uncertain: Count },
  }),
  ...outcomes,
  confirmed: Type.Integer({ description: 'Readers whose mail provider reported the delivery; 0 where none reports.' }),
  bounces: Type.Array(Type.Object({ class: Type.String(), hard: Count, soft: Count }), { description: 'Reports of bounces by class.' }),
  rates: Type.Object(
    {
      open: nullable(Type.Number()),
      click: nullable(Type.Number()),
      clickToOpen: nullable(Type.Number()),
      unsubscribe: nullable(Type.Number()),
      complaint: nullable(Type.Number()),
    },
    {
      description:
        'Of readers, by human events, to those delivered; clickToOpen to those who opened. Null where there is nothing to divide by.',
    },
  ),
  variants: Type.Array(Type.Object({ variant: Count, ...outcomes })),
});

export const TimelineReport = Type.Object({
  asOf: Type.String({ format: 'date-time' }),
  bucket: Type.Union([Type.Literal('hour'), Type.Literal('day')]),
  items: Type.Array(
    Type.Object({
      at: Type.String({
        format: 'date-time',
        description: 'Beginning of the hour or day (UTC). Those in which nothing happened are left out.',
      }),
      sent: Count,
      opens: Count,
      humanOpens: Count,
      clicks: Count,
      humanClicks: Count,
      unsubscribes: Count,
      complaints: Count,
      hardBounces: Count,
      softBounces: Count,
    }),
  ),
});

export const LinkReport = Type.Object({
  asOf: Type.String({ format: 'date-time' }),
  items: Type.Array(
    Type.Object({
      link: Type.Integer({ description: "Number of the link in the campaign's mails." }),
      url: Type.String(),
      contentId: nullable(Uuid),
      clicks: Engagement,
    }),
    { description: 'All links of the campaign, those with the most human clicks first.' },
  ),
});

export const HostReport = Type.Object({
  asOf: Type.String({ format: 'date-time' }),
  items: Type.Array(Type.Object({ host: Type.String(), ...outcomes }), { description: 'Mail hosts with the most events first.' }),
});

export const SegmentReport = Type.Object({
  asOf: Type.String({ format: 'date-time' }),
  items: Type.Array(
    Type.Object({
      segmentId: Uuid,
      sent: Type.Integer({ description: 'Those who got the campaign, belong to the segment now, and may be written to now.' }),
      opened: Count,
      humanOpened: Count,
      clicked: Count,
      humanClicked: Count,
    }),
  ),
});
