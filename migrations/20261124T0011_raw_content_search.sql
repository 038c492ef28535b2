-- A request to the host is under way until it is answered or, where its worker died, until this time.
alter table crawl_hosts add column busy_until timestamptz;
-- Why robots.txt could not be read. While it stands, nothing of the host may be fetched.
alter table crawl_hosts add column robots_error text;

-- The configuration of full text search for a language; 'simple' where PostgreSQL has none (Bulgarian, say).
create function text_search_configuration(language text) returns regconfig language sql immutable parallel safe as $$
  select case language
    when 'ar' then 'arabic'::regconfig when 'ca' then 'catalan'::regconfig when 'da' then 'danish'::regconfig
    when 'de' then 'german'::regconfig when 'el' then 'greek'::regconfig when 'en' then 'english'::regconfig
    when 'es' then 'spanish'::regconfig when 'eu' then 'basque'::regconfig when 'fi' then 'finnish'::regconfig
    when 'fr' then 'french'::regconfig when 'hu' then 'hungarian'::regconfig when 'id' then 'indonesian'::regconfig
    when 'it' then 'italian'::regconfig when 'lt' then 'lithuanian'::regconfig when 'nl' then 'dutch'::regconfig
    when 'no' then 'norwegian'::regconfig when 'pt' then 'portuguese'::regconfig when 'ro' then 'romanian'::regconfig
    when 'ru' then 'russian'::regconfig when 'sv' then 'swedish'::regconfig when 'tr' then 'turkish'::regconfig
    else 'simple'::regconfig
  end
$$;

-- Only the beginning of a very long text is indexed: a tsvector must stay below 1 MB.
alter table raw_content add column document tsvector not null generated always as (
  setweight(to_tsvector(text_search_configuration(language), title), 'A')
    || setweight(to_tsvector(text_search_configuration(language), left(text, 200000)), 'D')
) stored;
create index raw_content_document on raw_content using gin (document);
create index raw_content_canonical_url on raw_content (canonical_url);
create index raw_content_url on raw_content (url);

-- Lists of the frontier, newest first, and the position of a page in its host's queue.
create index scraping_jobs_created_at on scraping_jobs (created_at desc, id desc);
