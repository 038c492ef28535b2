-- Search goes by the beginning of an address or of a name, in the order of their letters. "C": the only order in which a beginning is a range.
create index subscribers_email_prefix on subscribers ((lower(email) collate "C"), id);
create index subscribers_name_prefix on subscribers ((lower(name) collate "C"), id) where name is not null;
-- Backwards: what ends with a domain is a range too.
create index subscribers_host on subscribers ((reverse(lower(split_part(email, '@', 2))) collate "C"));

-- The segment index says who may be written to and has which property, as bit strings over chunks of 8192 subscribers. It is always
-- behind: what changed since stands in subscriber_changes, written by triggers in the transaction of the change itself, whatever made
-- it. An answer takes the bit strings, leaves out whoever changed, and looks those up as they stand: it is exact, by one snapshot.
create table subscriber_changes (
  seq bigint generated always as identity primary key,
  subscriber_id uuid,
  -- Of a suppression that came or went: an address, or '@domain'.
  address text,
  check (num_nonnulls(subscriber_id, address) = 1)
);
create index subscriber_changes_address on subscriber_changes (seq) where address is not null;

create table subscriber_facets (
  id int generated always as identity primary key,
  field text not null,
  value text not null,
  unique (field, value)
);

-- What the bit strings say of a subscriber. The place of a bit: chunk = ordinal >> 13, position = ordinal & 8191.
create table subscriber_ordinals (
  ordinal int primary key,
  subscriber_id uuid not null unique,
  -- '' where it is not known.
  country text not null,
  language text not null,
  subscribed_on date not null,
  -- None: no mail may go to this person.
  facets int[] not null,
  -- When a pause or a suppression ends, and what stands here with it.
  revisit_at timestamptz
) with (fillfactor = 90);
create index subscriber_ordinals_revisit on subscriber_ordinals (revisit_at) where revisit_at is not null;

create table subscriber_bitmaps (
  facet int not null,
  chunk int not null,
  bits bit varying not null,
  primary key (facet, chunk)
) with (fillfactor = 80, toast_tuple_target = 128);
-- Few bits compress to little; many stay in the row, which is read faster than what is stored beside it.
alter table subscriber_bitmaps alter column bits set storage main;

-- Saved segments that are kept counted, by the rules that they were counted by.
create table segment_tracks (
  -- Of the bit strings that say who belongs to it.
  facet int primary key,
  segment_id uuid not null unique references subscriber_segments on delete cascade,
  -- Read, with the segments that they name filled in and the days that they count back to: another day makes other rules.
  rules jsonb not null
);

create table segment_cohorts (
  facet int not null references segment_tracks on delete cascade,
  -- Whole months, and days for the months that are asked for in part.
  span text not null check (span in ('day', 'month')),
  starts_on date not null,
  -- '' where it is not known.
  country text not null,
  language text not null,
  count int not null,
  primary key (facet, span, starts_on, country, language)
) with (fillfactor = 80);

/* A chunk with the bits at these positions set. */
create function chunk_of_bits(positions int[]) returns bit varying language plpgsql immutable parallel safe as $$
declare
  bits bit varying := repeat('0', 8192)::bit varying;
  place int;
begin
  foreach place in array positions loop
    bits := set_bit(bits, place, 1);
  end loop;
  return bits;
end
$$;

create function log_subscriber_changes() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into subscriber_changes (subscriber_id) select id from after;
  elsif tg_op = 'UPDATE' then
    insert into subscriber_changes (subscriber_id) select id from before union select id from after;
  else
    insert into subscriber_changes (subscriber_id) select id from before;
  end if;
  return null;
end
$$;
create trigger log_inserts after insert on subscribers referencing new table as after
  for each statement execute function log_subscriber_changes();
create trigger log_updates after update on subscribers referencing old table as before new table as after
  for each statement execute function log_subscriber_changes();
create trigger log_deletes after delete on subscribers referencing old table as before
  for each statement execute function log_subscriber_changes();

create function log_suppression_changes() returns trigger language plpgsql as $$
begin
  if tg_op <> 'DELETE' then
    insert into subscriber_changes (address) select address from after where address not like 'erased:%';
  end if;
  if tg_op <> 'INSERT' then
    insert into subscriber_changes (address) select address from before where address not like 'erased:%';
  end if;
  return null;
end
$$;
create trigger log_inserts after insert on suppressions referencing new table as after
  for each statement execute function log_suppression_changes();
create trigger log_updates after update on suppressions referencing old table as before new table as after
  for each statement execute function log_suppression_changes();
create trigger log_deletes after delete on suppressions referencing old table as before
  for each statement execute function log_suppression_changes();

/* Whoever truncates holds the table alone: the index begins anew. */
create function log_truncation() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'suppressions' then
    insert into subscriber_changes (subscriber_id) select id from subscribers;
  else
    delete from subscriber_changes;
    delete from segment_tracks;
    delete from subscriber_bitmaps;
    delete from subscriber_ordinals;
  end if;
  return null;
end
$$;
create trigger log_truncation after truncate on subscribers for each statement execute function log_truncation();
create trigger log_truncation after truncate on suppressions for each statement execute function log_truncation();

insert into subscriber_changes (subscriber_id) select id from subscribers;
