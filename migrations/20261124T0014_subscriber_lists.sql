-- Lists of subscribers go from the newest on; the times are the clock's, in whole milliseconds.
create index subscribers_created_at on subscribers (created_at desc, id desc);
