-- A list that was handed in: the file lies in storage, how far it is stands here. `rows_done` moves in the transaction that writes the
-- rows, so that a run that was killed is gone on with where it ended, and no row counts twice.
create table subscriber_imports (
  id uuid primary key,
  status text not null default 'queued' check (status in ('queued', 'running', 'finished', 'failed', 'cancelled')),
  status_reason text,
  file_name text not null,
  storage_key text not null,
  size_bytes bigint not null,
  -- How the file is read, and what is done with who is known already.
  options jsonb not null,
  rows_done bigint not null default 0,
  created int not null default 0,
  updated int not null default 0,
  unchanged int not null default 0,
  -- Not to be written to, by reason: {"unsubscribed": 3, "suppressed": 1}.
  skipped jsonb not null default '{}',
  faulty int not null default 0,
  actor text not null,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz
);
create index subscriber_imports_created_at on subscriber_imports (created_at desc, id desc);

create index subscriber_imports_open on subscriber_imports (created_at) where status in ('queued', 'running');

create table subscriber_import_faults (
  import_id uuid not null references subscriber_imports on delete cascade,
  line bigint not null,
  ordinal smallint not null,
  field text,
  message text not null,
  value text not null,
  primary key (import_id, line, ordinal)
);
