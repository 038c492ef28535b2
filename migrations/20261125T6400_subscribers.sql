alter table subscribers
  -- No campaign reaches a reader who asked for a pause before it is over.
  add column paused_until timestamptz;

-- What a publisher wants to know about readers, each with the type of its values in subscribers.custom_fields.
create table custom_field_definitions (
  id uuid primary key,
  name text not null unique,
  label text not null,
  type text not null check (type in ('text', 'number', 'boolean', 'date', 'choice')),
  choices text[] not null default '{}',
  -- Whether readers see and change it themselves.
  reader_editable boolean not null default false,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create table subscription_forms (
  id uuid primary key,
  slug text not null unique,
  name text not null,
  title text not null,
  intro text not null default '',
  -- What the reader agrees to, word for word as it is shown; kept with each consent.
  consent_statement text not null,
  double_opt_in boolean not null default true,
  tags text[] not null default '{}',
  topics text[] not null default '{}',
  -- What it asks for beside the address: [{"field": "name" | "custom:<name>" | …, "required": true}].
  fields jsonb not null default '[]',
  language text not null,
  redirect_url text,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index subscription_forms_created_at on subscription_forms (created_at desc, id desc);

alter table consents
  -- Language of the statement, where it was one that a reader saw.
  add column language text,
  -- Slug of the form. No reference: the record outlives the form.
  add column form text,
  add column user_agent text;

-- The record of consents is only ever added to. Two exceptions: the address of the device is forgotten when its person is
-- erased, and requests that nobody ever confirmed go with their subscriber.
create function keep_consents() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    if not exists (select 1 from subscribers where id = old.subscriber_id) then return old; end if;
  elsif (old.id, old.subscriber_id, old.action, old.statement, old.origin, old.given_at)
          = (new.id, new.subscriber_id, new.action, new.statement, new.origin, new.given_at)
        and (old.language, old.form) is not distinct from (new.language, new.form)
        and new.ip_address is null and new.user_agent is null then
    return new;
  end if;
  raise exception 'consents are only ever added to' using errcode = 'restrict_violation';
end $$;
create trigger consents_are_kept before update or delete on consents for each row execute function keep_consents();

create function keep_consenting_subscribers() returns trigger language plpgsql as $$
begin
  if exists (select 1 from consents where subscriber_id = old.id and action <> 'requested') then
    raise exception 'a subscriber whose consent is on record is erased, not deleted' using errcode = 'restrict_violation';
  end if;
  return old;
end $$;
create trigger consenting_subscribers_are_kept before delete on subscribers for each row execute function keep_consenting_subscribers();

alter table suppressions
  -- Where it comes from, which decides what may lift it.
  add column source text not null default 'manual' check (source in ('manual', 'import', 'bounce', 'complaint', 'erasure')),
  add column note text,
  -- Null: for good.
  add column expires_at timestamptz;
update suppressions set source = 'bounce' where reason like 'bounced: %';
update suppressions set source = 'erasure' where address like 'erased:%';
create index suppressions_prefix on suppressions (address text_pattern_ops) where address not like 'erased:%';
create index suppressions_expiring on suppressions (expires_at) where expires_at is not null;
-- Whether there is any decides whether subdomains are looked for at all.
create index suppressions_subdomains on suppressions (address) where address like '*.%';
