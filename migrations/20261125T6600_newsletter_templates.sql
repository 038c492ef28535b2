-- Templates of a person's own beside those that come with the engine; what they were before a change is kept.
alter table newsletter_templates
  add column description text not null default '',
  -- Comes with the engine: read-only, and renewed by each release.
  add column is_built_in boolean not null default false,
  -- Counts the changes: a change made on an older one is refused.
  add column version int not null default 1,
  add column updated_by text not null default '';
update newsletter_templates set is_built_in = true;

create table newsletter_template_versions (
  template_id uuid not null references newsletter_templates on delete cascade,
  version int not null,
  description text not null,
  mjml text not null,
  text_template text not null,
  created_by text not null,
  created_at timestamptz not null,
  primary key (template_id, version)
);

-- Pictures of newsletters; the content is in the storage, under its hash.
create table newsletter_images (
  id uuid primary key,
  sha256 text not null unique,
  -- Of the address: newsletter-images/<file>.
  file text not null unique,
  content_type text not null,
  size_bytes int not null,
  width int not null,
  height int not null,
  name text not null default '',
  created_by text not null,
  created_at timestamptz not null
);
create index newsletter_images_created_at on newsletter_images (created_at desc, id desc);
