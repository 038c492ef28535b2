-- What became of mails, as it was reported or came in: one row an event, written once; only its label may change later.
-- No address of a reader's machine is ever stored. An anonymous event has neither subscriber nor user agent.
alter table email_events rename to email_events_before;
alter table email_events_before rename constraint email_events_pkey to email_events_before_pkey;
alter index email_events_issue rename to email_events_before_issue;
alter table email_events_default rename to email_events_before_default;

create table email_events (
  id uuid not null,
  issue_id uuid not null,
  subscriber_id uuid,
  type text not null
    check (type in ('open', 'click', 'delivered', 'soft_bounce', 'hard_bounce', 'complaint', 'unsubscribe')),
  -- Of opens and clicks: who, as far as can be told.
  label text check (label in ('human', 'prefetch', 'scanner', 'unknown')),
  -- Number in the issue's links; -1: the link that no reader sees.
  link smallint,
  variant smallint not null,
  bounce_class text,
  mail_host text,
  user_agent text,
  provider_event_id text,
  occurred_at timestamptz not null,
  primary key (id, occurred_at),
  check ((label is null) = (type not in ('open', 'click')))
) partition by range (occurred_at);
create index email_events_reader on email_events (subscriber_id, issue_id) where subscriber_id is not null;
-- For what the months made ahead do not cover.
create table email_events_default partition of email_events default;

-- Events of providers come more than once; an id is kept as long as a provider may repeat it.
create table email_event_keys (
  key text primary key,
  occurred_at timestamptz not null
);
create index email_event_keys_occurred on email_event_keys (occurred_at);

-- One row for what a reader did with an issue, so that readers are counted exactly once.
create table email_engagements (
  issue_id uuid not null,
  subscriber_id uuid not null,
  -- A link's number, or -1 opened, -2 clicked (any link), -3 delivered, -4 soft bounce, -5 hard bounce, -6 complaint, -7 unsubscribed,
  -- -8 hard bounce of what a server had accepted.
  what smallint not null,
  events int not null,
  -- Those of `events` that are labelled human.
  human int not null,
  variant smallint not null,
  mail_host text,
  first_at timestamptz not null,
  last_at timestamptz not null,
  -- Null: none was human.
  last_human_at timestamptz,
  primary key (issue_id, what, subscriber_id)
) with (fillfactor = 85);
create index email_engagements_subscriber on email_engagements (subscriber_id);
-- Who opened or clicked anything since a day.
create index email_engagements_human on email_engagements (what, last_human_at) where what in (-1, -2) and last_human_at is not null;
create index email_engagements_last on email_engagements (last_at);

-- Readers whose clicks may turn out to be a machine's once it is seen what came with them.
create table email_suspects (
  issue_id uuid not null,
  subscriber_id uuid not null,
  seen_at timestamptz not null,
  primary key (issue_id, subscriber_id)
);
create index email_suspects_seen on email_suspects (seen_at);

-- Whose engagement was erased: what comes later by links of old mails is kept without them.
create table email_forgotten (
  subscriber_id uuid primary key,
  forgotten_at timestamptz not null
);

-- What a transaction changed in the figures of an issue, written in that transaction; nobody waits for anybody's row.
-- A job adds them up in `issue_figures` and deletes them. A report is the sum of both.
create table issue_figure_changes (
  id bigint generated always as identity primary key,
  issue_id uuid not null,
  -- One element a fact, all of the same length. Null hour: counts readers, not events.
  metrics text[] not null,
  hours timestamptz[] not null,
  links smallint[] not null,
  variants smallint[] not null,
  hosts text[] not null,
  classes text[] not null,
  counts int[] not null
);
create index issue_figure_changes_issue on issue_figure_changes (issue_id);

create table issue_figures (
  issue_id uuid not null,
  -- total (key ''), hour ('2026-11-25T03', UTC), link ('0'), host, variant ('0'), class (of bounces).
  slice text not null,
  key text not null,
  metric text not null,
  count bigint not null,
  primary key (issue_id, slice, key, metric)
) with (fillfactor = 80);
-- The mail hosts with the most events first.
create index issue_figures_hosts on issue_figures (issue_id, count desc) where slice = 'host' and metric = 'events';

-- Where a recipient's mail is hosted: reports tell it, and the address may be another one by then.
alter table deliveries add column mail_host text;

-- What is sent is counted by hour, host and variant, in the transaction that says so, whatever statement it is.
create function note_sent_deliveries() returns trigger language plpgsql as $$
begin
  insert into issue_figure_changes (issue_id, metrics, hours, links, variants, hosts, classes, counts)
    select issue_id, array_agg('sent'::text), array_agg(hour), array_agg(null::smallint), array_agg(variant), array_agg(mail_host),
           array_agg(null::text), array_agg(count)
    from (select issue_id, date_trunc('hour', changed_at, 'UTC') as hour, coalesce(variant, 0)::smallint as variant, mail_host, sum(n)::int as count
          from (select issue_id, changed_at, variant, mail_host, 1 as n from became where status = 'sent'
                union all
                select issue_id, changed_at, variant, mail_host, -1 from was where status = 'sent') as changed
          group by 1, 2, 3, 4 having sum(n) <> 0) as facts
    group by issue_id;
  return null;
end
$$;
create trigger deliveries_note_sent after update on deliveries referencing old table as was new table as became
  for each statement execute function note_sent_deliveries();
insert into issue_figures (issue_id, slice, key, metric, count)
  select d.issue_id, s.slice, s.key, 'sent', count(*) from deliveries d
  cross join lateral (values ('total', ''), ('hour', to_char(d.changed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24')), ('variant', coalesce(d.variant, 0)::text)) as s (slice, key)
  where d.status = 'sent' group by 1, 2, 3;

insert into email_events (id, issue_id, subscriber_id, type, label, link, variant, user_agent, occurred_at)
  select e.id, e.issue_id, e.subscriber_id, case e.type when 'bounce' then 'hard_bounce' else e.type end,
         case when e.type in ('open', 'click') then 'unknown' end,
         case when e.type = 'click' then
           (select min(l.number) - 1 from newsletter_issues i, jsonb_array_elements(i.links) with ordinality as l (link, number)
            where i.id = e.issue_id and l.link ->> 'url' = e.url) end,
         0, e.user_agent, e.occurred_at
  from email_events_before e;
drop table email_events_before;

insert into email_engagements (issue_id, subscriber_id, what, events, human, variant, first_at, last_at)
  select issue_id, subscriber_id, w.what, count(*), 0, 0, min(occurred_at), max(occurred_at)
  from email_events, lateral (values
    (case type when 'open' then -1 when 'click' then -2 when 'hard_bounce' then -5 when 'complaint' then -6 else -7 end),
    (case when type = 'click' then link end)) as w (what)
  where w.what is not null
  group by issue_id, subscriber_id, w.what;

insert into issue_figure_changes (issue_id, metrics, hours, links, variants, hosts, classes, counts)
  select issue_id, array_agg(metric), array_agg(hour), array_agg(link), array_agg(0::smallint), array_agg(null::text), array_agg(null::text),
         array_agg(count)
  from (select issue_id, type || coalesce('.' || label, '') as metric, date_trunc('hour', occurred_at, 'UTC') as hour, link, count(*)::int as count
        from email_events group by 1, 2, 3, 4
        union all
        select issue_id, 'readers.' || case what when -1 then 'open' when -5 then 'hard_bounce' when -6 then 'complaint' when -7 then 'unsubscribe' else 'click' end,
               null::timestamptz, case when what >= 0 then what end, count(*)::int
        from email_engagements group by 1, 2, 3, 4) as facts
  group by issue_id;
