-- The list of all articles, newest first, without a filter of status.
create index generated_content_created_at on generated_content (created_at desc, id desc);
