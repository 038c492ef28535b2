create table instagram_posts (
  id uuid primary key,
  content_id uuid,
  caption text not null,
  -- [{"key": "…", "altText": "…"}]: where each picture lies in storage, in the order of the carousel.
  media jsonb not null default '[]',
  status text not null default 'draft'
    check (status in ('draft', 'scheduled', 'preparing', 'publishing', 'published', 'failed', 'cancelled')),
  status_reason text,
  scheduled_at timestamptz,
  -- What the Graph API calls containers: pictures that it has fetched, and the post that is made of them. Good for 24 hours.
  child_container_ids text[] not null default '{}',
  container_id text,
  container_made_at timestamptz,
  -- Committed before the post is published; after a crash the API is asked what became of it.
  publish_begun_at timestamptz,
  media_id text unique,
  permalink text,
  published_at timestamptz,
  attempts smallint not null default 0,
  next_step_at timestamptz,
  lease_until timestamptz,
  insights jsonb,
  insights_at timestamptz,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index instagram_posts_created_at on instagram_posts (created_at desc, id desc);
create index instagram_posts_due on instagram_posts (next_step_at) where status in ('scheduled', 'preparing', 'publishing');
create index instagram_posts_published on instagram_posts (published_at) where status = 'published';

create table instagram_insights (
  post_id uuid not null references instagram_posts on delete cascade,
  fetched_at timestamptz not null,
  metrics jsonb not null,
  primary key (post_id, fetched_at)
);

-- Calls of the last hour: the API allows so many, over all processes.
create table instagram_calls (id uuid primary key, called_at timestamptz not null);
create index instagram_calls_called_at on instagram_calls (called_at);
