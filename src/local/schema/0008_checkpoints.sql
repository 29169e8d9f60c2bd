-- What supabase/migrations/…_checkpoints.sql adds to tables, in SQLite's words (see 0002_chats.sql).

alter table token_reservations add column checkpoint integer not null default 0;

-- In the schema private: no request reaches it.
create table answer_pieces (
  run_id text not null references token_reservations (run_id) on delete cascade,
  checkpoint integer not null,
  part_index integer not null,
  text_offset integer not null,
  text text not null,
  part text check (substr(part, 1, 1) = '{'),
  primary key (run_id, checkpoint, part_index)
) strict;
