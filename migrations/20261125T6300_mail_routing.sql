-- What the senders share where no Redis holds it: leased parts of the limits, what was spent of them, hosts that are slowed
-- down. Changed only by who has read the last version; worth nothing after `expires_at`.
create table mail_limit_states (
  key text primary key,
  version bigint not null,
  state text not null,
  expires_at timestamptz not null
) with (fillfactor = 50);

-- Transports that an operator has switched off or on again; one without a row is on.
create table mail_transport_switches (
  name text primary key,
  is_off boolean not null,
  changed_at timestamptz not null,
  changed_by text not null
);
