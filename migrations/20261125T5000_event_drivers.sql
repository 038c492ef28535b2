-- Who reads events, and which: what nobody needs any more is deleted, and how far a subscriber is behind can be told.
create table event_subscribers (
  subscriber text primary key,
  types text[] not null,
  -- Kept fresh while a process runs the subscriber. One that is gone for good holds nothing back.
  seen_at timestamptz not null
);
insert into event_subscribers select subscriber, '{}', now() from event_offsets;

-- Redis Streams: how far a subscriber is in each partition. Redis carries events; what was handled is known here alone.
create table event_partition_offsets (
  subscriber text not null,
  partition smallint not null,
  transaction_id xid8 not null default '0',
  position bigint not null default 0,
  primary key (subscriber, partition)
);

-- The last event that was copied into each partition's stream; partition -1 is the copying itself, over all partitions.
create table event_relay (
  partition smallint primary key,
  transaction_id xid8 not null default '0',
  position bigint not null default 0
);
insert into event_relay (partition) select generate_series(-1, 7);

-- Events that a handler failed on, and those of the same aggregate that wait behind them. Copies: they outlive the outbox.
create table event_failures (
  subscriber text not null,
  id uuid not null,
  transaction_id xid8 not null,
  position bigint not null,
  type text not null,
  aggregate_id text not null,
  payload jsonb not null,
  occurred_at timestamptz not null,
  state text not null check (state in ('retrying', 'waiting', 'dead')),
  attempts int not null default 0,
  error text,
  failed_at timestamptz not null default now(),
  next_attempt_at timestamptz,
  primary key (subscriber, id),
  check ((state = 'retrying') = (next_attempt_at is not null))
);
create index event_failures_aggregate on event_failures (subscriber, aggregate_id, transaction_id, position);
create index event_failures_due on event_failures (subscriber, next_attempt_at) where state = 'retrying';
create index event_failures_dead on event_failures (failed_at desc, id desc) where state = 'dead';

-- A replay in progress, one a subscriber at most: the last event that was handed out again, and what is wanted.
create table event_replays (
  subscriber text primary key,
  transaction_id xid8 not null default '0',
  position bigint not null default 0,
  from_at timestamptz not null,
  to_at timestamptz,
  types text[] not null,
  requested_at timestamptz not null
);
