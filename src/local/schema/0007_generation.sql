-- What supabase/migrations/…_generation.sql adds to tables, in SQLite's words (see 0002_chats.sql).

alter table messages add column replaces text
  constraint messages_replaces_check check (substr(replaces, 1, 1) = '{');
alter table token_reservations add column log text;
alter table token_reservations add column server text;
create index token_reservations_lease_idx on token_reservations (lease_expires_at);
