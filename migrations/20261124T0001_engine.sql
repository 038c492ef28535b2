-- Times are timestamptz, ids UUIDv7. The tables that carry most rows are partitioned from the first day.

-- platform ---------------------------------------------------------------------------------------------------------

create table settings (
  name text primary key,
  value jsonb not null,
  updated_at timestamptz not null default now()
);

create table events (
  position bigint generated always as identity,
  transaction_id xid8 not null default pg_current_xact_id(),
  id uuid not null,
  type text not null,
  aggregate_id text not null,
  payload jsonb not null,
  occurred_at timestamptz not null,
  primary key (transaction_id, position)
);
create index events_occurred_at on events (occurred_at);

create table event_offsets (
  subscriber text primary key,
  transaction_id xid8 not null default '0',
  position bigint not null default 0,
  moved_at timestamptz not null default now()
);

create table api_keys (
  id uuid primary key,
  name text not null,
  prefix text not null,
  key_hash bytea not null unique,
  scopes text[] not null,
  created_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);

create table idempotency_keys (
  caller text not null,
  key text not null,
  request_hash bytea not null,
  status_code int,
  content_type text,
  body text,
  created_at timestamptz not null default now(),
  primary key (caller, key)
);
create index idempotency_keys_created_at on idempotency_keys (created_at);

create table audit_log (
  id uuid primary key,
  occurred_at timestamptz not null,
  actor text not null,
  action text not null,
  subject text not null,
  details jsonb not null default '{}'
);
create index audit_log_subject on audit_log (subject, occurred_at desc);

-- web-scraper ------------------------------------------------------------------------------------------------------

create table scraper_targets (
  id uuid primary key,
  kind text not null check (kind in ('page', 'feed', 'sitemap', 'file')),
  url text not null unique,
  status text not null default 'active' check (status in ('active', 'paused')),
  created_at timestamptz not null,
  last_crawled_at timestamptz,
  last_error text
);

-- The frontier: one row a page that is to be fetched or was.
create table scraping_jobs (
  id uuid primary key,
  target_id uuid not null references scraper_targets on delete cascade,
  url text not null unique,
  host text not null,
  status text not null default 'pending' check (status in ('pending', 'done', 'failed', 'skipped')),
  reason text,
  http_status int,
  raw_content_id uuid,
  attempts int not null default 0,
  created_at timestamptz not null,
  finished_at timestamptz
);
create index scraping_jobs_target on scraping_jobs (target_id, status);
create index scraping_jobs_pending on scraping_jobs (host, created_at) where status = 'pending';

create table crawl_hosts (
  origin text primary key,
  robots_txt text,
  robots_status int,
  robots_fetched_at timestamptz,
  crawl_delay_ms int not null default 1000,
  -- The next request may leave at this time; moved forward by whoever takes the turn.
  next_fetch_at timestamptz not null default now()
);

create table raw_content (
  id uuid primary key,
  target_id uuid references scraper_targets on delete set null,
  url text not null,
  canonical_url text not null,
  site_name text,
  title text not null,
  author text,
  published_at timestamptz,
  language text not null,
  text text not null,
  excerpt text not null default '',
  images jsonb not null default '[]',
  word_count int not null,
  content_hash bytea not null unique,
  -- Other addresses at which the same text was met.
  duplicate_urls text[] not null default '{}',
  fetched_at timestamptz not null
);
create index raw_content_fetched_at on raw_content (fetched_at desc, id desc);
create index raw_content_language on raw_content (language);

-- ai-processor -----------------------------------------------------------------------------------------------------

create table generation_requests (
  id uuid primary key,
  -- Same key, same request: asking twice does not write twice.
  request_key text not null unique,
  brief jsonb not null,
  status text not null default 'queued' check (status in ('queued', 'written', 'declined', 'failed')),
  reason text,
  writer text,
  content_id uuid,
  created_at timestamptz not null,
  finished_at timestamptz
);
create index generation_requests_created_at on generation_requests (created_at desc, id desc);

create table llm_calls (
  id uuid primary key,
  request_id uuid,
  provider text not null,
  model text not null,
  purpose text not null,
  status text not null,
  input_tokens int,
  output_tokens int,
  duration_ms int not null,
  error text,
  called_at timestamptz not null
);
create index llm_calls_called_at on llm_calls (called_at desc);

-- content-manager --------------------------------------------------------------------------------------------------

create table content_categories (
  slug text primary key,
  name text not null,
  description text not null default ''
);

create table content_tags (
  slug text primary key,
  name text not null
);

create table generated_content (
  id uuid primary key,
  slug text not null unique,
  title text not null,
  summary text not null,
  -- The whole text, plain; `body` is the same text as sections of cited sentences.
  content text not null,
  body jsonb not null,
  content_type text not null,
  language text not null,
  category text references content_categories (slug),
  tags text[] not null default '{}',
  meta_description text not null default '',
  -- 'extractive', 'person' or '<provider>/<model>'.
  writer text not null,
  status text not null default 'draft'
    check (status in ('draft', 'in_review', 'approved', 'scheduled', 'published', 'archived', 'rejected')),
  status_reason text,
  quality_score double precision,
  quality_checks jsonb not null default '[]',
  version int not null default 1,
  generation_id uuid unique,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  scheduled_at timestamptz,
  published_at timestamptz
);
create index generated_content_status on generated_content (status, created_at desc, id desc);
create index generated_content_scheduled on generated_content (scheduled_at) where status = 'scheduled';
create index generated_content_published on generated_content (published_at desc, id desc) where status = 'published';
create index generated_content_published_category on generated_content (category, published_at desc, id desc) where status = 'published';
create index generated_content_tags on generated_content using gin (tags) where status = 'published';

create table content_versions (
  content_id uuid not null references generated_content on delete cascade,
  version int not null,
  status text not null,
  title text not null,
  snapshot jsonb not null,
  actor text not null,
  change text not null,
  reason text,
  changed_at timestamptz not null,
  primary key (content_id, version)
);

create table content_citations (
  content_id uuid not null references generated_content on delete cascade,
  ordinal int not null,
  raw_content_id uuid not null,
  -- Character offsets (UTF-16 code units) into raw_content.text.
  start_offset int not null,
  end_offset int not null,
  quote text not null,
  source_url text not null,
  source_title text not null,
  source_author text,
  primary key (content_id, ordinal)
);
create index content_citations_source on content_citations (raw_content_id);

-- Slim, so that ranking reads few pages: only what is published, only what search needs.
create table published_search (
  content_id uuid primary key references generated_content on delete cascade,
  configuration regconfig not null,
  document tsvector not null,
  published_at timestamptz not null
);
create index published_search_document on published_search using gin (document);

-- subscriber-manager -----------------------------------------------------------------------------------------------

create table subscribers (
  id uuid primary key,
  email text not null,
  name text,
  status text not null check (status in ('pending', 'active', 'unsubscribed', 'bounced', 'complained', 'erased')),
  subscription_date timestamptz not null,
  country text,
  language text not null default 'en',
  timezone text,
  tags text[] not null default '{}',
  custom_fields jsonb not null default '{}',
  source text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index subscribers_email on subscribers (lower(email));
create index subscribers_segmentation on subscribers (status, subscription_date, country, language);
create index subscribers_tags on subscribers using gin (tags);

create table consents (
  id uuid primary key,
  subscriber_id uuid not null references subscribers on delete cascade,
  action text not null check (action in ('requested', 'confirmed', 'withdrawn', 'imported')),
  statement text not null,
  origin text not null,
  ip_address inet,
  given_at timestamptz not null
);
create index consents_subscriber on consents (subscriber_id, given_at);

create table suppressions (
  -- A lower-cased address, or '@domain'.
  address text primary key,
  reason text not null,
  created_at timestamptz not null
);

create table subscriber_segments (
  id uuid primary key,
  name text not null unique,
  rules jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

-- distributor ------------------------------------------------------------------------------------------------------

create table newsletter_templates (
  id uuid primary key,
  name text not null unique,
  mjml text not null,
  text_template text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create table newsletter_issues (
  id uuid primary key,
  -- Same key, same issue: asking twice does not send twice.
  issue_key text not null unique,
  subject text not null,
  preheader text not null default '',
  template_id uuid not null references newsletter_templates,
  article_ids uuid[] not null default '{}',
  segment_id uuid references subscriber_segments,
  status text not null default 'draft'
    check (status in ('draft', 'preparing', 'sending', 'sent', 'paused', 'cancelled', 'failed')),
  status_reason text,
  -- Templates as they were when sending began (MJML already compiled to HTML), with the articles filled in.
  html_template text,
  text_template text,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz
);
create index newsletter_issues_created_at on newsletter_issues (created_at desc, id desc);

create table deliveries (
  issue_id uuid not null,
  subscriber_id uuid not null,
  status text not null default 'queued'
    check (status in ('queued', 'claimed', 'sending', 'sent', 'failed', 'skipped', 'uncertain')),
  attempts smallint not null default 0,
  claimed_by text,
  reason text,
  changed_at timestamptz not null,
  next_attempt_at timestamptz,
  primary key (issue_id, subscriber_id)
) partition by list (issue_id);
create index deliveries_open on deliveries (issue_id, status) where status in ('queued', 'claimed', 'sending');

create table email_events (
  id uuid not null,
  issue_id uuid not null,
  subscriber_id uuid not null,
  type text not null check (type in ('open', 'click', 'bounce', 'complaint', 'unsubscribe')),
  url text,
  user_agent text,
  occurred_at timestamptz not null,
  primary key (id, occurred_at)
) partition by range (occurred_at);
create index email_events_issue on email_events (issue_id, type);
create table email_events_default partition of email_events default;

-- The embedded mailbox: a development mail server whose mail is read on a page.
create table mailbox_messages (
  id uuid primary key,
  envelope_from text not null,
  envelope_to text not null,
  subject text not null,
  message_id text not null,
  received_at timestamptz not null,
  size_bytes int not null,
  raw bytea not null
);
create index mailbox_messages_received on mailbox_messages (received_at desc, id desc);
create index mailbox_messages_to on mailbox_messages (lower(envelope_to), received_at desc);

-- analytics --------------------------------------------------------------------------------------------------------

-- What happened, as it came in; rolled up by day into content_metrics.
create table analytics_events (
  id uuid not null,
  type text not null check (type in ('page_view', 'email_open', 'email_click', 'subscription', 'unsubscription')),
  content_id uuid,
  issue_id uuid,
  subscriber_id uuid,
  url text,
  referrer text,
  user_agent text,
  occurred_at timestamptz not null,
  primary key (id, occurred_at)
) partition by range (occurred_at);
create index analytics_events_content on analytics_events (content_id, occurred_at);
create table analytics_events_default partition of analytics_events default;

create table content_metrics (
  content_id uuid not null,
  metric_type text not null,
  metric_name text not null,
  metric_value double precision not null,
  date_bucket date not null,
  recorded_at timestamptz not null default now(),
  primary key (content_id, metric_type, metric_name, date_bucket)
) partition by range (date_bucket);
create index content_metrics_date on content_metrics (date_bucket);
create table content_metrics_default partition of content_metrics default;
