-- What a reader wants, beside what is known of them.
alter table subscribers
  -- None: everything.
  add column topics text[] not null default '{}',
  add column frequency text not null default 'all' check (frequency in ('all', 'weekly', 'monthly')),
  add column format text not null default 'html' check (format in ('html', 'text')),
  -- Hour of the reader's own day, 0 to 23, at which mail is welcome.
  add column send_hour smallint check (send_hour between 0 and 23);

alter table newsletter_issues
  add column kind text not null default 'campaign' check (kind in ('campaign', 'digest', 'sequence_step')),
  -- What the issue is about: readers who chose topics get it when one of theirs is among these. None: everybody.
  add column topics text[] not null default '{}',
  -- Markdown, for what is written for this issue and is no article.
  add column body text not null default '',
  -- Parts for some readers only: [{"slot": "…", "segmentIds": ["…"], "body": "…"}].
  add column blocks jsonb not null default '[]',
  add column variables jsonb not null default '{}',
  -- A text part written by hand; derived from the template unless given.
  add column text_override text,
  -- Whether opens and clicks are kept by person, without the person, or not at all.
  add column tracking text not null default 'individual' check (tracking in ('individual', 'anonymous', 'off')),
  -- What becomes of a delivery of which nobody knows whether it arrived: it waits for a person, or a duplicate is preferred to a loss.
  add column on_uncertain text not null default 'hold' check (on_uncertain in ('hold', 'resend')),
  add column schedule jsonb,
  add column scheduled_at timestamptz,
  -- Variants of subject or content: [{"subject": "…", "preheader": "…", "body": "…"}]; none: there is one version, number 0.
  add column variants jsonb not null default '[]',
  -- How the winner is found: {"share": 0.1, "metric": "clicks" | "opens", "hours": 4}.
  add column ab_test jsonb,
  add column winner smallint,
  -- The issue whose failures, or whose readers that did not open it, this one goes to.
  add column resend_of uuid references newsletter_issues,
  add column created_by text not null default '';
alter table newsletter_issues drop constraint newsletter_issues_status_check;
alter table newsletter_issues add constraint newsletter_issues_status_check
  check (status in ('draft', 'scheduled', 'preparing', 'sending', 'sent', 'paused', 'cancelled', 'failed'));
create index newsletter_issues_scheduled on newsletter_issues (scheduled_at) where status = 'scheduled';

-- An issue as it is sent, by variant: compiled, articles filled in; what differs by recipient is still open. Links stand with the issue.
create table issue_contents (
  issue_id uuid not null references newsletter_issues on delete cascade,
  variant smallint not null,
  subject text not null,
  html_template text not null,
  text_template text not null,
  primary key (issue_id, variant)
);
insert into issue_contents (issue_id, variant, subject, html_template, text_template)
  select id, 0, subject, html_template, text_template from newsletter_issues where html_template is not null and text_template is not null;
alter table newsletter_issues drop column html_template, drop column text_template;

alter table deliveries
  -- Null: not known yet, which of the variants it will be.
  add column variant smallint default 0,
  -- Retries of what is refused for the time being end 72 hours after it.
  add column first_tried_at timestamptz;
