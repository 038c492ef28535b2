-- Lists go from the newest on, also when they are filtered: each is read from its index, however long it is.
create index generation_requests_status on generation_requests (status, created_at desc, id desc);
create index scraper_targets_created_at on scraper_targets (created_at desc, id desc);
create index scraper_targets_kind on scraper_targets (kind, created_at desc, id desc);
create index scraping_jobs_status_created_at on scraping_jobs (status, created_at desc, id desc);
create index scraping_jobs_target_created_at on scraping_jobs (target_id, created_at desc, id desc);
create index raw_content_language_fetched_at on raw_content (language, fetched_at desc, id desc);
drop index raw_content_language;
create index subscribers_status_created_at on subscribers (status, created_at desc, id desc);
create index subscriber_segments_created_at on subscriber_segments (created_at desc, id desc);
create index newsletter_issues_status on newsletter_issues (status, created_at desc, id desc);
-- Without the keys of erased people, which the list leaves out.
create index suppressions_addresses on suppressions (address) where address not like 'erased:%';

-- The daily figures are counted anew from the last two days of events, every minute.
create index analytics_events_occurred_at on analytics_events (occurred_at);

-- Languages that PostgreSQL has had configurations for since version 14, and that were taken as 'simple'.
create or replace function text_search_configuration(language text) returns regconfig language sql immutable parallel safe as $$
  select case language
    when 'ar' then 'arabic'::regconfig when 'ca' then 'catalan'::regconfig when 'da' then 'danish'::regconfig
    when 'de' then 'german'::regconfig when 'el' then 'greek'::regconfig when 'en' then 'english'::regconfig
    when 'es' then 'spanish'::regconfig when 'eu' then 'basque'::regconfig when 'fi' then 'finnish'::regconfig
    when 'fr' then 'french'::regconfig when 'ga' then 'irish'::regconfig when 'hi' then 'hindi'::regconfig
    when 'hu' then 'hungarian'::regconfig when 'hy' then 'armenian'::regconfig when 'id' then 'indonesian'::regconfig
    when 'it' then 'italian'::regconfig when 'lt' then 'lithuanian'::regconfig when 'ne' then 'nepali'::regconfig
    when 'nl' then 'dutch'::regconfig when 'no' then 'norwegian'::regconfig when 'pt' then 'portuguese'::regconfig
    when 'ro' then 'romanian'::regconfig when 'ru' then 'russian'::regconfig when 'sr' then 'serbian'::regconfig
    when 'sv' then 'swedish'::regconfig when 'ta' then 'tamil'::regconfig when 'tr' then 'turkish'::regconfig
    when 'yi' then 'yiddish'::regconfig
    else 'simple'::regconfig
  end
$$;
-- A generated column is computed anew when what it is made of is written.
update raw_content set title = title where language in ('ga', 'hi', 'hy', 'ne', 'sr', 'ta', 'yi');
