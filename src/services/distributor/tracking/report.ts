import type { Static } from 'typebox';
import type { DeliveryCounts, Issue, IssueLink } from '../distributor-types.ts';
import type { Figure, Slice } from './figure-store.ts';
import type { CampaignReport, Engagement, HostReport, LinkReport, TimelineReport } from './report-schema.ts';

type Tracking = Issue['tracking'];
type Report = Static<typeof CampaignReport>;
type Counts = ReadonlyMap<string, number>;

/** Figures of one slice, by key and metric. */
export function bySlice(figures: readonly Figure[], slice: Slice): Map<string, Map<string, number>> {
  const keys = new Map<string, Map<string, number>>();
  for (const { slice: of, key, metric, count } of figures) {
    if (of !== slice) continue;
    const counts = keys.get(key) ?? new Map<string, number>();
    keys.set(key, counts.set(metric, count));
  }
  return keys;
}

const none: Counts = new Map();
const of = (counts: Counts, metric: string) => counts.get(metric) ?? 0;

function engagementOf(counts: Counts, type: 'open' | 'click', tracking: Tracking): Engagement {
  const labels = { human: of(counts, `${type}.human`), prefetch: of(counts, `${type}.prefetch`) };
  const rest = { scanner: of(counts, `${type}.scanner`), unknown: of(counts, `${type}.unknown`) };
  const isPersonal = tracking === 'individual';
  return {
    raw: labels.human + labels.prefetch + rest.scanner + rest.unknown,
    ...labels,
    ...rest,
    readers: isPersonal ? of(counts, `readers.${type}`) : null,
    humanReaders: isPersonal ? of(counts, `readers.${type}.human`) : null,
  };
}

function outcomesOf(counts: Counts, tracking: Tracking, sent: number) {
  return {
    sent,
    delivered: sent - of(counts, 'readers.returned'),
    opens: tracking === 'off' ? null : engagementOf(counts, 'open', tracking),
    clicks: tracking === 'off' ? null : engagementOf(counts, 'click', tracking),
    unsubscribes: of(counts, 'readers.unsubscribe'),
    complaints: of(counts, 'readers.complaint'),
    hardBounces: of(counts, 'readers.hard_bounce'),
    softBounces: of(counts, 'readers.soft_bounce'),
  };
}

const ratio = (part: number | null | undefined, whole: number | null | undefined): number | null =>
  part === null || part === undefined || whole === null || whole === undefined || whole <= 0 ? null : part / whole;

/** @param figures of the slices total, variant and class */
export function campaignReportOf(issue: Issue, deliveries: DeliveryCounts, figures: readonly Figure[], asOf: Date): Report {
  const { tracking } = issue;
  const total = bySlice(figures, 'total').get('') ?? none;
  const outcomes = outcomesOf(total, tracking, deliveries.sent);
  const { delivered, opens, clicks } = outcomes;
  return {
    campaignId: issue.id,
    status: issue.status,
    asOf: asOf.toISOString(),
    tracking,
    deliveries,
    ...outcomes,
    confirmed: of(total, 'readers.delivered'),
    bounces: [...bySlice(figures, 'class')]
      .map(([name, counts]) => ({ class: name, hard: of(counts, 'hard_bounce'), soft: of(counts, 'soft_bounce') }))
      .sort((a, b) => b.hard + b.soft - a.hard - a.soft || a.class.localeCompare(b.class)),
    rates: {
      open: ratio(opens?.humanReaders, delivered),
      click: ratio(clicks?.humanReaders, delivered),
      clickToOpen: ratio(clicks?.humanReaders, opens?.humanReaders),
      unsubscribe: ratio(outcomes.unsubscribes, delivered),
      complaint: ratio(outcomes.complaints, delivered),
    },
    variants: [...bySlice(figures, 'variant')]
      .map(([variant, counts]) => ({ variant: Number(variant), ...outcomesOf(counts, tracking, of(counts, 'sent')) }))
      .sort((a, b) => a.variant - b.variant),
  };
}

export function timelineOf(figures: readonly Figure[]): Static<typeof TimelineReport>['items'] {
  return [...bySlice(figures, 'hour')]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, counts]) => {
      const opens = engagementOf(counts, 'open', 'anonymous');
      const clicks = engagementOf(counts, 'click', 'anonymous');
      return {
        at: `${key.length > 10 ? key : `${key}T00`}:00:00.000Z`,
        sent: of(counts, 'sent'),
        opens: opens.raw,
        humanOpens: opens.human,
        clicks: clicks.raw,
        humanClicks: clicks.human,
        unsubscribes: of(counts, 'unsubscribe'),
        complaints: of(counts, 'complaint'),
        hardBounces: of(counts, 'hard_bounce'),
        softBounces: of(counts, 'soft_bounce'),
      };
    });
}

export function linksOf(links: readonly IssueLink[], figures: readonly Figure[], tracking: Tracking): Static<typeof LinkReport>['items'] {
  const counts = bySlice(figures, 'link');
  return links
    .map(({ url, contentId }, link) => ({
      link,
      url,
      contentId,
      clicks: engagementOf(counts.get(String(link)) ?? none, 'click', tracking),
    }))
    .sort((a, b) => b.clicks.human - a.clicks.human || b.clicks.raw - a.clicks.raw || a.link - b.link);
}

export function hostsOf(figures: readonly Figure[], tracking: Tracking, limit: number): Static<typeof HostReport>['items'] {
  return [...bySlice(figures, 'host')]
    .sort(([a, x], [b, y]) => of(y, 'events') - of(x, 'events') || (a < b ? -1 : 1))
    .slice(0, limit)
    .map(([host, counts]) => ({ host, ...outcomesOf(counts, tracking, of(counts, 'sent')) }));
}
