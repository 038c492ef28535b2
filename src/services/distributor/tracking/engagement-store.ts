import { type Queryable, type RawBuilder, sql } from '#platform/database';
import type { EmailEvent } from './email-event.ts';

const maxUserAgentLength = 300;
const maxHostLength = 253;
const maxClassLength = 100;

/**
 * Writes the events with everything that is counted of them, one statement an issue: all of it commits with the caller's
 * transaction, or by itself where there is none and all events are of one issue. An event that is known already changes nothing.
 * Rows that several processes write are taken in one order; a deadlock that remains possible between issues is retryable.
 * @returns the number of events that were new
 */
export async function recordEmailEvents(tx: Queryable, events: readonly EmailEvent[]): Promise<number> {
  const byIssue = Map.groupBy(events, ({ issueId }) => issueId);
  let written = 0;
  for (const issueId of [...byIssue.keys()].sort()) {
    const row = await tx.maybeOne('email-events.record', recordStatement(issueId, byIssue.get(issueId) ?? []));
    written += row?.written ?? 0;
  }
  return written;
}

/** The kinds of `email_engagements` that an event counts for. */
const kindsOf = (event: RawBuilder<unknown>, wasSent: RawBuilder<unknown>) => sql`
  (values (case ${event}.type when 'open' then -1 when 'click' then -2 when 'delivered' then -3 when 'soft_bounce' then -4
                when 'hard_bounce' then -5 when 'complaint' then -6 else -7 end),
          (case when ${event}.type = 'click' and ${event}.link >= 0 then ${event}.link end),
          (case when ${event}.type = 'hard_bounce' and ${wasSent} then -8 end))`;

const readersMetric = sql`'readers.' || case what when -1 then 'open' when -3 then 'delivered' when -4 then 'soft_bounce'
  when -5 then 'hard_bounce' when -6 then 'complaint' when -7 then 'unsubscribe' when -8 then 'returned' else 'click' end`;

const insertFacts = (issueId: string) => sql`
  insert into issue_figure_changes (issue_id, metrics, hours, links, variants, hosts, classes, counts)
  select ${issueId}::uuid, array_agg(metric), array_agg(hour), array_agg(link), array_agg(variant), array_agg(mail_host),
         array_agg(bounce_class), array_agg(count)
  from facts having count(*) > 0`;

function recordStatement(issueId: string, events: readonly EmailEvent[]): RawBuilder<{ written: number }> {
  const column = <T>(read: (event: EmailEvent) => T | null | undefined) => events.map((event) => read(event) ?? null);
  // Foreign text: PostgreSQL takes neither NUL nor half of a surrogate pair.
  const text = (value: string | undefined, maxLength: number) => value?.replaceAll('\u0000', '').slice(0, maxLength).toWellFormed();
  const isOfReader = ({ type }: EmailEvent) => type === 'open' || type === 'click';
  return sql`
    with given as (
      select * from unnest(
        ${column(({ id }) => id)}::uuid[], ${column(({ subscriberId }) => subscriberId)}::uuid[], ${column(({ type }) => type)}::text[],
        ${column((event) => (isOfReader(event) ? (event.label ?? 'unknown') : null))}::text[],
        ${column(({ early }) => early?.label)}::text[], ${column(({ early }) => early?.withinMs)}::int[],
        ${column(({ link }) => link)}::smallint[], ${column(({ variant }) => variant)}::smallint[],
        ${column(({ mailHost }) => text(mailHost, maxHostLength))}::text[],
        ${column(({ bounceClass }) => text(bounceClass, maxClassLength))}::text[],
        ${column(({ userAgent }) => text(userAgent, maxUserAgentLength))}::text[],
        ${column(({ providerEventId }) => providerEventId)}::text[], ${column(({ occurredAt }) => occurredAt)}::timestamptz[])
      as g (id, subscriber_id, type, label, early_label, early_ms, link, variant, mail_host, bounce_class, user_agent, provider_event_id, occurred_at)
    ), keyed as (
      insert into email_event_keys (key, occurred_at)
      select provider_event_id, min(occurred_at) from given where provider_event_id is not null group by 1 order by 1
      on conflict do nothing returning key
    ), known as materialized (
      select distinct on (coalesce(g.provider_event_id, g.id::text)) g.id, g.type, g.link, g.bounce_class, g.provider_event_id, g.occurred_at,
             case when f.subscriber_id is null then g.subscriber_id end as subscriber_id,
             case when f.subscriber_id is null then g.user_agent end as user_agent,
             case when g.early_label is not null
                       and (d.status in ('queued', 'claimed', 'sending')
                            or d.status = 'sent' and g.occurred_at < d.changed_at + g.early_ms * interval '1 millisecond')
                  then g.early_label else g.label end as label,
             coalesce(g.variant, d.variant, 0) as variant, coalesce(g.mail_host, d.mail_host) as mail_host, d.status is not distinct from 'sent' as was_sent
      from given g
      left join lateral (
        -- The limit keeps a plan that is made for any issue from reading a whole ledger.
        select status, changed_at, variant, mail_host from deliveries where issue_id = ${issueId}::uuid and subscriber_id = g.subscriber_id limit 1
      ) as d on true
      left join email_forgotten f on f.subscriber_id = g.subscriber_id
      where g.provider_event_id is null or g.provider_event_id in (select key from keyed)
    ), written as (
      insert into email_events (id, issue_id, subscriber_id, type, label, link, variant, bounce_class, mail_host, user_agent,
                                provider_event_id, occurred_at)
      select id, ${issueId}::uuid, subscriber_id, type, label, link, variant, bounce_class, mail_host, user_agent, provider_event_id, occurred_at
      from known
      on conflict do nothing returning id, subscriber_id, type, label, link, variant, bounce_class, mail_host, occurred_at
    ), touched as (
      select w.subscriber_id, k.what, count(*)::int as events, (count(*) filter (where w.label = 'human'))::int as human,
             min(w.variant) as variant, min(w.mail_host) as mail_host, min(w.occurred_at) as first_at, max(w.occurred_at) as last_at,
             max(w.occurred_at) filter (where w.label = 'human') as last_human_at
      from written w join known n on n.id = w.id
      cross join lateral ${kindsOf(sql`w`, sql`n.was_sent`)} as k (what)
      where w.subscriber_id is not null and k.what is not null
      group by w.subscriber_id, k.what
    ), engaged as (
      insert into email_engagements as e
        (issue_id, what, subscriber_id, events, human, variant, mail_host, first_at, last_at, last_human_at)
      select ${issueId}::uuid, what, subscriber_id, events, human, variant, mail_host, first_at, last_at, last_human_at
      from touched order by what, subscriber_id
      on conflict (issue_id, what, subscriber_id) do update
        set events = e.events + excluded.events, human = e.human + excluded.human, first_at = least(e.first_at, excluded.first_at),
            last_at = greatest(e.last_at, excluded.last_at), last_human_at = greatest(e.last_human_at, excluded.last_human_at)
      returning subscriber_id, what, events, human, variant, mail_host
    ), suspects as (
      insert into email_suspects (issue_id, subscriber_id, seen_at)
      select ${issueId}::uuid, subscriber_id, max(occurred_at) from (
        select w.subscriber_id, w.occurred_at from written w join engaged e on e.subscriber_id = w.subscriber_id
        where w.type = 'click' and (w.link = -1 or e.what = -2 and e.events > 1)
      ) as clicks group by subscriber_id order by subscriber_id
      on conflict do nothing
    ), facts as (
      select type || coalesce('.' || label, '') as metric, date_trunc('hour', occurred_at, 'UTC') as hour, link, variant, mail_host,
             bounce_class, count(*)::int as count
      from written group by 1, 2, 3, 4, 5, 6
      union all
      select ${readersMetric} || kind.suffix, null, case when what >= 0 then what end, e.variant, e.mail_host, null, count(*)::int
      from engaged e join touched t using (subscriber_id, what)
      cross join lateral (values ('', e.events = t.events), ('.human', t.human > 0 and e.human = t.human)) as kind (suffix, is_new)
      where kind.is_new and (kind.suffix = '' or what >= -2)
      group by 1, 3, 4, 5
    ), counted as (${insertFacts(issueId)})
    select count(*) as written from written`;
}

export type RelabelledEvent = { readonly id: string; readonly occurredAt: Date };

/**
 * Scanners' after all. Only what was taken for a reader's, or not known, changes; the figures change with it. The caller has locked the
 * readers' rows.
 */
export async function relabelAsScanner(tx: Queryable, issueId: string, events: readonly RelabelledEvent[]): Promise<void> {
  await tx.execute(
    'email-events.relabel',
    sql`with before as (
          select e.id, e.label from email_events e
          join unnest(${events.map(({ id }) => id)}::uuid[], ${events.map((e) => e.occurredAt)}::timestamptz[]) as c (id, occurred_at)
            on c.id = e.id and c.occurred_at = e.occurred_at
          where e.issue_id = ${issueId}::uuid and e.label in ('human', 'unknown') order by e.id for update of e
        ), changed as (
          update email_events e set label = 'scanner' from before b
          where b.id = e.id and e.occurred_at = any(${events.map((e) => e.occurredAt)}::timestamptz[])
          returning e.id, e.subscriber_id, e.type, b.label as old_label, e.link, e.variant, e.mail_host, e.occurred_at
        ), fewer as (
          select c.subscriber_id, k.what, count(*)::int as human
          from changed c cross join lateral ${kindsOf(sql`c`, sql`false`)} as k (what)
          where k.what is not null and c.old_label = 'human' and c.subscriber_id is not null
          group by c.subscriber_id, k.what
        ), engaged as (
          update email_engagements e
          set human = e.human - f.human,
              last_human_at = (
                select max(o.occurred_at) from email_events o
                where o.subscriber_id = e.subscriber_id and o.issue_id = e.issue_id and o.label = 'human'
                  and o.type = case e.what when -1 then 'open' else 'click' end and (e.what < 0 or o.link = e.what)
                  and o.id not in (select id from before))
          from fewer f
          where e.issue_id = ${issueId}::uuid and e.subscriber_id = f.subscriber_id and e.what = f.what
          returning e.subscriber_id, e.what, e.human, e.variant, e.mail_host
        ), facts as (
          select type || '.' || step.label as metric, date_trunc('hour', occurred_at, 'UTC') as hour, link, variant, mail_host,
                 null::text as bounce_class, sum(step.count)::int as count
          from changed cross join lateral (values (old_label, -1), ('scanner', 1)) as step (label, count)
          group by 1, 2, 3, 4, 5
          union all
          select ${readersMetric} || '.human', null, case when what >= 0 then what end, variant, mail_host, null, -count(*)::int
          from engaged where human = 0 group by 1, 3, 4, 5
        )
        ${insertFacts(issueId)}`,
  );
}
