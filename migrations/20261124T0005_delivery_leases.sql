-- A claim lasts until then; afterwards another worker may take the delivery up again.
alter table deliveries add column lease_until timestamptz;

-- Links of the issue in the order of their numbers: [{"url": "…", "contentId": "…" | null}]. A tracking link names a number.
alter table newsletter_issues add column links jsonb not null default '[]';

-- Who the mailbox accepted a message from is asked after a crash, by Message-ID.
create index mailbox_messages_message_id on mailbox_messages (message_id);
