-- Processes of the API that live, among which the rate limits are shared where no Redis holds them. Kept fresh by heartbeats.
create table api_processes (
  id uuid primary key,
  heartbeat_at timestamptz not null
);
