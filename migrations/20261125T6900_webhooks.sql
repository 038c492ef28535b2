-- Where others want to hear of what happens here. Secrets are not kept: each is derived from the engine's own, by its version.
create table webhook_endpoints (
  id uuid primary key,
  url text not null,
  description text not null default '',
  -- None: everything that is offered.
  event_types text[] not null default '{}',
  status text not null default 'active' check (status in ('active', 'disabled')),
  status_reason text,
  secret_version int not null default 1,
  -- Until then messages are signed with the secret before as well.
  previous_secret_until timestamptz,
  -- Since when every attempt has failed; null after one that succeeded.
  failing_since timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index webhook_endpoints_created_at on webhook_endpoints (created_at desc, id desc);

-- One a event, with the event's id: what is replayed is known again by its receiver.
create table webhook_messages (
  id uuid primary key,
  type text not null,
  payload jsonb not null,
  occurred_at timestamptz not null
);
create index webhook_messages_occurred_at on webhook_messages (occurred_at);

create table webhook_deliveries (
  endpoint_id uuid not null references webhook_endpoints on delete cascade,
  message_id uuid not null references webhook_messages on delete cascade,
  status text not null default 'pending' check (status in ('pending', 'delivered', 'failed')),
  attempts smallint not null default 0,
  -- Of what is pending: not before then. An attempt that is under way moves it past its own time limit.
  next_attempt_at timestamptz,
  response_status smallint,
  error text,
  changed_at timestamptz not null,
  primary key (endpoint_id, message_id)
);
create index webhook_deliveries_due on webhook_deliveries (next_attempt_at) where status = 'pending';
create index webhook_deliveries_message on webhook_deliveries (message_id);
