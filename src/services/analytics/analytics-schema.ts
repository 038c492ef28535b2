import { Type } from 'typebox';
import { nullable, Uuid } from '#shared/schema';

export type AnalyticsEventType = 'page_view' | 'subscription' | 'unsubscription';

export type AnalyticsEvent = {
  readonly type: AnalyticsEventType;
  readonly contentId?: string | null;
  readonly issueId?: string | null;
  readonly subscriberId?: string | null;
  readonly url?: string | null;
  readonly referrer?: string | null;
  readonly userAgent?: string | null;
};

export const PeriodQuery = {
  from: Type.Optional(Type.String({ format: 'date', description: 'First day (UTC); 30 days before the last one unless told.' })),
  to: Type.Optional(Type.String({ format: 'date', description: 'Last day (UTC), included; today unless told.' })),
};

const figures = {
  pageViews: Type.Number(),
  emailOpens: Type.Number({ description: 'Opens of mails that carry the article, by readers.' }),
  emailClicks: Type.Number({ description: 'Clicks on links to the article, by readers.' }),
  emailOpensRaw: Type.Number({ description: "All opens, machines' too." }),
  emailClicksRaw: Type.Number({ description: "All clicks, machines' too." }),
};

export const ContentFigures = Type.Object({
  contentId: Uuid,
  title: Type.Union([Type.String(), Type.Null()], { description: 'Null when the article exists no more.' }),
  ...figures,
});

export const ContentReport = Type.Object({
  from: Type.String({ format: 'date' }),
  to: Type.String({ format: 'date' }),
  items: Type.Array(ContentFigures, { description: 'Most page views and clicks first.' }),
});

export const DailyReport = Type.Object({
  contentId: Uuid,
  title: nullable(Type.String()),
  from: Type.String({ format: 'date' }),
  to: Type.String({ format: 'date' }),
  days: Type.Array(Type.Object({ day: Type.String({ format: 'date' }), ...figures })),
});
