-- What a campaign is changed, planned and decided by.
alter table newsletter_issues
  -- Counts the changes of what is written: a change made on an older one is refused.
  add column version int not null default 1,
  -- When the A/B test can be decided: so long after the last mail of the test. Null while the test is being sent.
  add column ab_decide_at timestamptz,
  -- {"winner": 1, "decidedBy": "engagement" | "<actor>", "metric": "…", "isSignificant": false, "pValue": 0.21, "variants": […]}
  add column ab_result jsonb;
create index newsletter_issues_ab_tests on newsletter_issues (ab_decide_at nulls first)
  where status = 'sending' and ab_test is not null and winner is null;
-- Those whose rest still waits for the winner's mail to be given out.
create index newsletter_issues_winners on newsletter_issues (id) where status in ('sending', 'paused') and winner is not null;

-- Digests that are made by the calendar from what was published since the last one.
create table recurring_digests (
  id uuid primary key,
  name text not null unique,
  status text not null default 'active' check (status in ('active', 'paused')),
  template text not null,
  -- Five fields, read in the time zone.
  cron text not null,
  timezone text not null,
  segment_id uuid,
  topics text[] not null default '{}',
  min_articles smallint not null check (min_articles between 1 and 20),
  -- Liquid over `count`, `first` and `date`; null: made from the titles.
  subject text,
  -- Everything published until then is in a digest already.
  covered_until timestamptz not null,
  -- Null while paused.
  next_run_at timestamptz,
  last_run_at timestamptz,
  -- Of the last run: sent | nothing_new | failed, and why.
  last_outcome text,
  last_reason text,
  last_issue_id uuid,
  version int not null default 1,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index recurring_digests_due on recurring_digests (next_run_at) where status = 'active';
create index recurring_digests_created_at on recurring_digests (created_at desc, id desc);

-- Mails that lead a reader step by step.
create table sequences (
  id uuid primary key,
  name text not null unique,
  status text not null default 'draft' check (status in ('draft', 'active', 'paused', 'archived')),
  -- As it was last written; readers follow the version that they began with.
  definition jsonb not null,
  -- Counts the changes.
  version int not null default 1,
  -- That new readers begin with; 0: none was activated yet.
  active_version int not null default 0,
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index sequences_created_at on sequences (created_at desc, id desc);

create table sequence_versions (
  sequence_id uuid not null references sequences on delete cascade,
  version int not null,
  definition jsonb not null,
  created_at timestamptz not null,
  primary key (sequence_id, version)
);

-- The issue by which a sending step goes out: one a version, step and run, since a delivery is unique by issue and subscriber.
create table sequence_step_issues (
  sequence_id uuid not null references sequences on delete cascade,
  version int not null,
  step_id text not null,
  run smallint not null,
  issue_id uuid not null references newsletter_issues on delete cascade,
  primary key (sequence_id, version, step_id, run)
);

-- Where a reader is in a sequence.
create table sequence_enrolments (
  id uuid primary key,
  sequence_id uuid not null references sequences on delete cascade,
  version int not null,
  subscriber_id uuid not null,
  -- The how manieth time of this reader in this sequence, from 1.
  run smallint not null,
  status text not null default 'active' check (status in ('active', 'completed', 'exited')),
  -- Step that is done next.
  step_id text,
  due_at timestamptz,
  -- Why it was left before its end.
  reason text,
  enrolled_at timestamptz not null,
  ended_at timestamptz,
  unique (sequence_id, subscriber_id, run)
);
create unique index sequence_enrolments_active on sequence_enrolments (sequence_id, subscriber_id) where status = 'active';
create index sequence_enrolments_due on sequence_enrolments (sequence_id, due_at, id) where status = 'active';
create index sequence_enrolments_listed on sequence_enrolments (sequence_id, enrolled_at desc, id desc);
create index sequence_enrolments_subscriber on sequence_enrolments (subscriber_id);

-- Steps that were done: each once an enrolment.
create table sequence_steps_done (
  enrolment_id uuid not null references sequence_enrolments on delete cascade,
  step_id text not null,
  -- What came of it: sent, waited, yes, no, tagged.
  outcome text not null,
  done_at timestamptz not null,
  primary key (enrolment_id, step_id)
);

-- Who was in a sequence's segment at the last look: those who are new in it have joined.
create table sequence_segment_members (
  sequence_id uuid not null references sequences on delete cascade,
  subscriber_id uuid not null,
  primary key (sequence_id, subscriber_id)
);

-- One mail to one person, asked for by a program.
create table transactional_mails (
  id uuid primary key,
  -- Of the key's owner, so that two programs may use the same.
  caller text not null,
  idempotency_key text not null,
  request_hash bytea not null,
  status text not null default 'queued' check (status in ('queued', 'sending', 'sent', 'failed', 'uncertain', 'suppressed')),
  -- Null once nothing more will be done, and the time of keeping is over or the person was erased.
  recipient_address text,
  recipient_name text,
  subscriber_id uuid,
  template text,
  subject text not null,
  -- Null once nothing more will be done.
  html text,
  text text,
  attempts smallint not null default 0,
  reason text,
  next_attempt_at timestamptz,
  first_tried_at timestamptz,
  -- While `sending`: how long whoever sends it is believed to live.
  lease_until timestamptz,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  unique (caller, idempotency_key)
);
create index transactional_mails_open on transactional_mails (coalesce(lease_until, next_attempt_at)) where status in ('queued', 'sending');
create index transactional_mails_created_at on transactional_mails (created_at desc, id desc);
create index transactional_mails_subscriber on transactional_mails (subscriber_id) where subscriber_id is not null;

-- Subject and bodies that programs name instead of sending them along: Liquid over the variables of a request.
create table transactional_templates (
  name text primary key,
  subject text not null,
  html text not null,
  text text not null,
  version int not null default 1,
  updated_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
