-- An issue is handed over by a few chains of jobs, each job sending its successor. The row says which job of a chain is the
-- living one: a job whose turn has passed ends without a successor, so chains neither multiply nor get lost.
create table delivery_chains (
  issue_id uuid not null references newsletter_issues on delete cascade,
  chain smallint not null,
  turn int not null,
  -- Moved on while a batch is under way, and to the start of the next job: a chain that has been silent for long is dead.
  alive_at timestamptz not null,
  primary key (issue_id, chain)
);

-- The queue of an issue in the order in which it is worked off. The order is what makes the planner take this index: statistics
-- from the beginning, when everything is queued, would have it read the whole table for the last of them.
create index deliveries_queue on deliveries (issue_id, next_attempt_at nulls first, subscriber_id) where status = 'queued';
create index deliveries_under_way on deliveries (issue_id, lease_until) where status in ('claimed', 'sending');
drop index deliveries_open;
