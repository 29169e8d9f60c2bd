-- Files: what supabase/migrations describes, in SQLite's words. As in 0002_chats.sql, times are
-- microseconds since 1970.

create table files (
  id text not null constraint files_pkey primary key default (gen_random_uuid()),
  user_id text not null
    constraint files_user_fkey references auth_users (id) on delete cascade,
  chat_id text,
  name text not null
    constraint files_name_check check (length(name) between 1 and 255),
  media_type text not null default 'application/octet-stream'
    constraint files_media_type_check check (length(media_type) between 1 and 255),
  size integer not null default 0
    constraint files_size_check check (size >= 0),
  sha256 text
    constraint files_sha256_check
      check (length(sha256) = 64 and sha256 not glob '*[^0-9a-f]*'),
  metadata text not null default '{}'
    constraint files_metadata_check
      check (substr(metadata, 1, 1) = '{' and octet_length(metadata) <= 65536),
  status text not null default 'uploading'
    constraint files_status_check check (status in ('uploading', 'ready', 'deleting')),
  upload_id text,
  lease_expires_at integer,
  created_at integer not null default (clock_timestamp()),
  updated_at integer not null default (clock_timestamp()),
  constraint files_ready_check check (status <> 'ready' or sha256 is not null),
  constraint files_chat_fkey foreign key (chat_id, user_id) references chats (id, user_id)
) strict;

create index files_user_created_idx on files (user_id, created_at desc, id desc);
create index files_chat_idx on files (chat_id);
create index files_unfinished_idx on files (user_id) where status <> 'ready';

create trigger files_set_updated_at after update on files begin
  update files set updated_at = clock_timestamp() where rowid = new.rowid;
end;

create trigger files_chat_set_null before delete on chats begin
  update files set chat_id = null where chat_id = old.id and user_id = old.user_id;
end;
