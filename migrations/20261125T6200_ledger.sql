-- The ledger at full speed: one index for all that is open, exact counts that are read in a moment, and the class of a failure.

alter table deliveries
  -- Why it failed, or was refused last: see the classes of bounces.
  add column failure_class text check (failure_class in ('hard', 'soft', 'policy', 'content', 'transient', 'unknown'));

-- When an open delivery is looked at next: queued, it is tried then ('infinity': not before something else happens); claimed or
-- sending, the claim ends then. What is done with has none.
update deliveries
  set next_attempt_at = case when status = 'queued' then coalesce(next_attempt_at, changed_at)
                             when status in ('claimed', 'sending') then coalesce(lease_until, changed_at) end
  where status in ('queued', 'claimed', 'sending') or next_attempt_at is not null;
drop index deliveries_queue;
drop index deliveries_under_way;
alter table deliveries drop column lease_until;
alter table deliveries
  alter column claimed_by type uuid
  using case when claimed_by ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then claimed_by::uuid end;
update deliveries set claimed_by = case when status in ('claimed', 'sending') then coalesce(claimed_by, gen_random_uuid()) end
  where claimed_by is not null or status in ('claimed', 'sending');
alter table deliveries
  add constraint deliveries_open_check check ((status in ('queued', 'claimed', 'sending')) = (next_attempt_at is not null)),
  add constraint deliveries_claimed_check check ((status in ('claimed', 'sending')) = (claimed_by is not null));

-- The queue is where claimed_by is null. Neither of its columns changes when a claimed row is marked as under way, which is what
-- keeps that update out of every index; so the status must not stand in it.
create index deliveries_open on deliveries (claimed_by, next_attempt_at, subscriber_id) where next_attempt_at is not null;

-- Deliveries of an issue by their states: the sum over all rows. Each backend of the server counts what it changes in a row of
-- its own, so that nobody waits for anybody; a trigger does it, so that nothing changes without being counted.
create table delivery_counts (
  issue_id uuid not null,
  backend int not null,
  queued int not null,
  claimed int not null,
  sending int not null,
  sent int not null,
  failed int not null,
  skipped int not null,
  uncertain int not null,
  primary key (issue_id, backend)
  -- The few rows are updated with every statement: room for their versions keeps them on their page.
) with (fillfactor = 20);

create function count_deliveries() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into delivery_counts as c
      select issue_id, pg_backend_pid(), count(*) filter (where status = 'queued'), count(*) filter (where status = 'claimed'),
             count(*) filter (where status = 'sending'), count(*) filter (where status = 'sent'), count(*) filter (where status = 'failed'),
             count(*) filter (where status = 'skipped'), count(*) filter (where status = 'uncertain')
      from became group by issue_id
      on conflict (issue_id, backend) do update
        set queued = c.queued + excluded.queued, claimed = c.claimed + excluded.claimed, sending = c.sending + excluded.sending,
            sent = c.sent + excluded.sent, failed = c.failed + excluded.failed, skipped = c.skipped + excluded.skipped,
            uncertain = c.uncertain + excluded.uncertain;
  elsif tg_op = 'UPDATE' then
    insert into delivery_counts as c
      select issue_id, pg_backend_pid(), coalesce(sum(n) filter (where status = 'queued'), 0), coalesce(sum(n) filter (where status = 'claimed'), 0),
             coalesce(sum(n) filter (where status = 'sending'), 0), coalesce(sum(n) filter (where status = 'sent'), 0),
             coalesce(sum(n) filter (where status = 'failed'), 0), coalesce(sum(n) filter (where status = 'skipped'), 0),
             coalesce(sum(n) filter (where status = 'uncertain'), 0)
      from (select issue_id, status, 1 as n from became union all select issue_id, status, -1 from was) changed group by issue_id
      on conflict (issue_id, backend) do update
        set queued = c.queued + excluded.queued, claimed = c.claimed + excluded.claimed, sending = c.sending + excluded.sending,
            sent = c.sent + excluded.sent, failed = c.failed + excluded.failed, skipped = c.skipped + excluded.skipped,
            uncertain = c.uncertain + excluded.uncertain;
  elsif tg_op = 'DELETE' then
    insert into delivery_counts as c
      select issue_id, pg_backend_pid(), -count(*) filter (where status = 'queued'), -count(*) filter (where status = 'claimed'),
             -count(*) filter (where status = 'sending'), -count(*) filter (where status = 'sent'), -count(*) filter (where status = 'failed'),
             -count(*) filter (where status = 'skipped'), -count(*) filter (where status = 'uncertain')
      from was group by issue_id
      on conflict (issue_id, backend) do update
        set queued = c.queued + excluded.queued, claimed = c.claimed + excluded.claimed, sending = c.sending + excluded.sending,
            sent = c.sent + excluded.sent, failed = c.failed + excluded.failed, skipped = c.skipped + excluded.skipped,
            uncertain = c.uncertain + excluded.uncertain;
  else
    delete from delivery_counts;
  end if;
  return null;
end
$$;
create trigger deliveries_count_inserted after insert on deliveries referencing new table as became
  for each statement execute function count_deliveries();
create trigger deliveries_count_updated after update on deliveries referencing old table as was new table as became
  for each statement execute function count_deliveries();
create trigger deliveries_count_deleted after delete on deliveries referencing old table as was
  for each statement execute function count_deliveries();
create trigger deliveries_count_truncated after truncate on deliveries for each statement execute function count_deliveries();

insert into delivery_counts
  select issue_id, 0, count(*) filter (where status = 'queued'), count(*) filter (where status = 'claimed'),
         count(*) filter (where status = 'sending'), count(*) filter (where status = 'sent'), count(*) filter (where status = 'failed'),
         count(*) filter (where status = 'skipped'), count(*) filter (where status = 'uncertain')
  from deliveries group by issue_id;
