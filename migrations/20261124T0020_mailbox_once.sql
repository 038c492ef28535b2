-- A message that comes a second time, to the same recipients with the same Message-ID, is kept once: its sender may have been
-- stopped on the way for so long that another has taken over meanwhile. Recipients by their hash: there is no limit to their
-- number, and one to what an index takes.
update mailbox_messages set message_id = '' where length(message_id) > 250;
delete from mailbox_messages a using mailbox_messages b
  where a.message_id = b.message_id and a.message_id <> '' and a.envelope_to = b.envelope_to and a.id > b.id;
create unique index mailbox_messages_identity on mailbox_messages (message_id, md5(envelope_to)) where message_id <> '';
drop index mailbox_messages_message_id;
-- Addresses are searched by any part, for which it is of no use.
drop index mailbox_messages_to;

-- Mail is kept for a short time and read seldom: to compress it costs more time than the place is worth.
alter table mailbox_messages alter column raw set storage external;
