-- 4: a database of that version of the schema, as SQLite dumps it.
PRAGMA foreign_keys = off;
BEGIN TRANSACTION;
CREATE TABLE analytics (
  id text not null constraint analytics_pkey primary key default (gen_random_uuid()),
  user_id text not null
    constraint analytics_user_fkey references auth_users (id) on delete cascade,
  name text not null
    constraint analytics_name_check check (length(name) between 1 and 100),
  properties text not null default '{}'
    constraint analytics_properties_check
      check (substr(properties, 1, 1) = '{' and octet_length(properties) <= 32768),
  chat_id text,
  session_id text
    constraint analytics_session_id_check check (length(session_id) between 1 and 200),
  occurred_at integer not null default (clock_timestamp())
    constraint analytics_occurred_at_check
      check (occurred_at >= -62135596800000000 and occurred_at < 253370764800000000),
  created_at integer not null default (clock_timestamp()),
  constraint analytics_chat_fkey foreign key (chat_id, user_id) references chats (id, user_id)
) strict;
INSERT INTO "analytics" VALUES('00000000-0000-4000-8000-00000000000e','00000000-0000-4000-8000-000000000001','opened','{}',NULL,NULL,1700000000000000,1700000000000000);
CREATE TABLE auth_identities (
    id text primary key,
    user_id text not null references auth_users (id) on delete cascade,
    provider text not null,
    identity_data text not null check (json_type(identity_data) = 'object'),
    last_sign_in_at integer,
    created_at integer not null,
    updated_at integer not null,
    unique (user_id, provider)
) strict;
CREATE TABLE auth_refresh_tokens (
    id integer primary key autoincrement,
    session_id text not null references auth_sessions (id) on delete cascade,
    digest blob not null unique,
    parent_id integer references auth_refresh_tokens (id) on delete set null,
    seed blob,
    revoked_at integer,
    created_at integer not null
) strict;
CREATE TABLE auth_sessions (
    id text primary key,
    user_id text not null references auth_users (id) on delete cascade,
    method text not null check (method in ('password', 'anonymous')),
    created_at integer not null
) strict;
CREATE TABLE auth_users (
    id text primary key,
    role text not null,
    email text collate nocase unique,
    password_hash text,
    email_confirmed_at integer,
    last_sign_in_at integer,
    app_metadata text not null check (json_type(app_metadata) = 'object'),
    user_metadata text not null check (json_type(user_metadata) = 'object'),
    is_anonymous integer not null check (is_anonymous in (0, 1)),
    banned_until integer,
    created_at integer not null,
    updated_at integer not null
) strict;
INSERT INTO "auth_users" VALUES('00000000-0000-4000-8000-000000000001','authenticated','al@example.com',NULL,NULL,NULL,'{}','{}',0,NULL,1700000000000000,1700000000000000);
CREATE TABLE chats (
  id text not null constraint chats_pkey primary key default (gen_random_uuid()),
  user_id text not null
    constraint chats_user_fkey references auth_users (id) on delete cascade,
  title text not null default 'New chat'
    constraint chats_title_check check (length(title) between 1 and 200),
  model text
    constraint chats_model_check check (length(model) between 1 and 200),
  system_prompt text
    constraint chats_system_prompt_check check (length(system_prompt) <= 100000),
  is_archived integer not null default 0,
  is_bookmarked integer not null default 0,
  metadata text not null default '{}'
    constraint chats_metadata_check
      check (substr(metadata, 1, 1) = '{' and octet_length(metadata) <= 65536),
  last_message_at integer,
  created_at integer not null default (clock_timestamp()),
  updated_at integer not null default (clock_timestamp()),
  constraint chats_id_user_id_key unique (id, user_id),
  constraint chats_times_check check (
    min(coalesce(last_message_at, created_at), created_at, updated_at) >= -62135596800000000
    and max(coalesce(last_message_at, created_at), created_at, updated_at) < 253370764800000000)
) strict;
INSERT INTO "chats" VALUES('00000000-0000-4000-8000-00000000000c','00000000-0000-4000-8000-000000000001','Kept',NULL,NULL,0,0,'{"a": 1}',1700000000000001,1700000000000000,1700000000000000);
CREATE TABLE files (
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
INSERT INTO "files" VALUES('00000000-0000-4000-8000-000000000010','00000000-0000-4000-8000-000000000001',NULL,'a.txt','application/octet-stream',0,NULL,'{}','uploading',NULL,NULL,260000000000000000,1700000000000000);
CREATE TABLE messages (
  id text not null constraint messages_pkey primary key default (gen_random_uuid()),
  chat_id text not null,
  user_id text not null,
  parent_id text,
  role text not null
    constraint messages_role_check check (role in ('user', 'assistant', 'system')),
  content text not null default ''
    constraint messages_content_check check (octet_length(content) <= 16777216),
  parts text not null default '[]'
    constraint messages_parts_check
      check (substr(parts, 1, 1) = '[' and octet_length(parts) <= 50331648),
  model text
    constraint messages_model_check check (length(model) between 1 and 200),
  status text not null default 'complete'
    constraint messages_status_check
      check (status in ('complete', 'streaming', 'stopped', 'failed', 'interrupted')),
  finish_reason text
    constraint messages_finish_reason_check check (length(finish_reason) <= 100),
  usage text
    constraint messages_usage_check
      check (substr(usage, 1, 1) = '{' and octet_length(usage) <= 65536),
  cost_usd real
    constraint messages_cost_usd_check check (cost_usd >= 0 and cost_usd < 1000000000000),
  is_active integer not null default 1,
  metadata text not null default '{}'
    constraint messages_metadata_check
      check (substr(metadata, 1, 1) = '{' and octet_length(metadata) <= 65536),
  run_id text,
  lease_expires_at integer,
  stop_requested_at integer,
  created_at integer not null default (clock_timestamp()),
  updated_at integer not null default (clock_timestamp()),
  constraint messages_id_chat_id_key unique (id, chat_id),
  constraint messages_chat_fkey foreign key (chat_id, user_id)
    references chats (id, user_id) on delete cascade,
  constraint messages_parent_fkey foreign key (parent_id, chat_id)
    references messages (id, chat_id),
  constraint messages_lease_check check (status <> 'streaming' or lease_expires_at is not null),
  constraint messages_times_check check (
    min(created_at, updated_at) >= -62135596800000000
    and max(created_at, updated_at) < 253370764800000000)
) strict;
INSERT INTO "messages" VALUES('00000000-0000-4000-8000-00000000000a','00000000-0000-4000-8000-00000000000c','00000000-0000-4000-8000-000000000001',NULL,'user','Question','[]',NULL,'complete',NULL,NULL,NULL,1,'{}',NULL,NULL,NULL,1700000000000000,1700000000000000);
INSERT INTO "messages" VALUES('00000000-0000-4000-8000-00000000000b','00000000-0000-4000-8000-00000000000c','00000000-0000-4000-8000-000000000001','00000000-0000-4000-8000-00000000000a','assistant','Answer','[]',NULL,'complete',NULL,NULL,0.25,1,'{}',NULL,NULL,NULL,1700000000000001,1700000000000000);
CREATE TABLE storage_buckets (
  id text not null primary key,
  name text not null unique,
  public integer not null default 0,
  file_size_limit integer,
  allowed_mime_types text check (json_type(allowed_mime_types) = 'array'),
  created_at integer not null default (clock_timestamp()),
  updated_at integer not null default (clock_timestamp())
) strict;
CREATE TABLE storage_objects (
  id text not null primary key default (gen_random_uuid()),
  bucket_id text not null references storage_buckets (id),
  name text not null,
  owner_id text,
  version text not null unique,
  size integer not null,
  etag text not null,
  mimetype text not null,
  cache_control text not null,
  user_metadata text not null default '{}' check (json_type(user_metadata) = 'object'),
  created_at integer not null default (clock_timestamp()),
  updated_at integer not null default (clock_timestamp()),
  unique (bucket_id, name)
) strict;
CREATE TABLE token_reservations (
  run_id text primary key,
  user_id text not null references auth_users (id) on delete cascade,
  tokens integer not null check (tokens >= 0),
  used_tokens integer not null default 0 check (used_tokens >= 0),
  lease_expires_at integer not null
) strict;
INSERT INTO "token_reservations" VALUES('00000000-0000-4000-8000-00000000000f','00000000-0000-4000-8000-000000000001',7,0,1700000000000000);
CREATE TABLE usage_logs (
  id text not null constraint usage_logs_pkey primary key default (gen_random_uuid()),
  user_id text not null
    constraint usage_logs_user_fkey references auth_users (id) on delete cascade,
  chat_id text,
  message_id text
    constraint usage_logs_message_fkey references messages (id) on delete set null,
  operation text not null
    constraint usage_logs_operation_check check (length(operation) between 1 and 50),
  provider text not null
    constraint usage_logs_provider_check check (length(provider) between 1 and 50),
  model text not null
    constraint usage_logs_model_check check (length(model) between 1 and 200),
  input_tokens integer not null default 0
    constraint usage_logs_input_tokens_check
      check (input_tokens between 0 and 1000000000000000),
  output_tokens integer not null default 0
    constraint usage_logs_output_tokens_check
      check (output_tokens between 0 and 1000000000000000),
  cached_input_tokens integer not null default 0
    constraint usage_logs_cached_input_tokens_check
      check (cached_input_tokens between 0 and 1000000000000000),
  cache_write_input_tokens integer not null default 0
    constraint usage_logs_cache_write_input_tokens_check
      check (cache_write_input_tokens between 0 and 1000000000000000),
  reasoning_tokens integer not null default 0
    constraint usage_logs_reasoning_tokens_check
      check (reasoning_tokens between 0 and 1000000000000000),
  usage_source text not null
    constraint usage_logs_usage_source_check
      check (usage_source in ('reported', 'estimated', 'missing')),
  cost_usd real
    constraint usage_logs_cost_usd_check check (cost_usd >= 0 and cost_usd < 1000000000000),
  latency_ms integer
    constraint usage_logs_latency_ms_check
      check (latency_ms between 0 and 1000000000000000),
  time_to_first_token_ms integer
    constraint usage_logs_time_to_first_token_ms_check
      check (time_to_first_token_ms between 0 and 1000000000000000),
  status text not null
    constraint usage_logs_status_check
      check (status in ('complete', 'stopped', 'failed', 'interrupted')),
  error_code text
    constraint usage_logs_error_code_check check (length(error_code) <= 100),
  raw text
    constraint usage_logs_raw_check check (octet_length(raw) <= 65536),
  created_at integer not null default (clock_timestamp()),
  constraint usage_logs_cached_check
    check (cached_input_tokens + cache_write_input_tokens <= input_tokens),
  constraint usage_logs_reasoning_check check (reasoning_tokens <= output_tokens),
  constraint usage_logs_chat_fkey foreign key (chat_id, user_id) references chats (id, user_id)
) strict;
INSERT INTO "usage_logs" VALUES('00000000-0000-4000-8000-00000000000d','00000000-0000-4000-8000-000000000001','00000000-0000-4000-8000-00000000000c',NULL,'chat','openai','m',0,0,0,0,0,'reported',NULL,NULL,NULL,'complete',NULL,NULL,1700000000000000);
CREATE INDEX auth_users_created_at on auth_users (created_at);
CREATE INDEX auth_sessions_user_id on auth_sessions (user_id);
CREATE INDEX auth_refresh_tokens_session_id on auth_refresh_tokens (session_id);
CREATE INDEX auth_refresh_tokens_parent_id on auth_refresh_tokens (parent_id);
CREATE INDEX chats_last_activity_idx on chats
  (user_id, coalesce(last_message_at, created_at) desc, id desc);
CREATE INDEX messages_chat_created_idx on messages (chat_id, created_at, id);
CREATE INDEX messages_parent_idx on messages (parent_id);
CREATE INDEX messages_run_idx on messages (run_id) where run_id is not null;
CREATE UNIQUE INDEX messages_one_streaming_per_chat on messages (chat_id)
  where status = 'streaming';
CREATE INDEX usage_logs_chat_idx on usage_logs (chat_id);
CREATE INDEX usage_logs_message_idx on usage_logs (message_id);
CREATE INDEX analytics_user_occurred_idx on analytics (user_id, occurred_at desc, id desc);
CREATE INDEX analytics_chat_idx on analytics (chat_id);
CREATE TRIGGER chats_set_updated_at after update on chats begin
  update chats set updated_at = clock_timestamp() where rowid = new.rowid;
end;
CREATE TRIGGER messages_set_updated_at after update on messages begin
  update messages set updated_at = clock_timestamp() where rowid = new.rowid;
end;
CREATE TRIGGER messages_place after insert on messages begin
  update messages
    set parent_id = (
      select m.id
        from messages m
        where m.chat_id = new.chat_id and m.user_id = new.user_id and m.is_active
          and (m.created_at <= new.created_at or new.created_at > clock_timestamp() - 60000000)
          and m.id <> new.id
        order by m.created_at desc, m.id desc
        limit 1)
    where rowid = new.rowid and new.parent_id is null and new.is_active;
  update messages
    set created_at = parent.created_at + 1
    from messages parent
    where messages.rowid = new.rowid and parent.id = messages.parent_id
      and parent.chat_id = new.chat_id and parent.user_id = new.user_id
      and parent.created_at >= messages.created_at;
  update chats
    set last_message_at = max(coalesce(last_message_at, m.created_at), m.created_at)
    from messages m
    where m.rowid = new.rowid and chats.id = new.chat_id and chats.user_id = new.user_id;
end;
CREATE TRIGGER messages_parent_set_null before delete on messages begin
  update messages set parent_id = null where parent_id = old.id;
end;
CREATE TRIGGER chats_set_null before delete on chats begin
  update usage_logs set chat_id = null where chat_id = old.id and user_id = old.user_id;
  update analytics set chat_id = null where chat_id = old.id and user_id = old.user_id;
end;
CREATE INDEX usage_logs_user_created_idx on usage_logs
  (user_id, created_at, id, operation, provider, model, input_tokens, output_tokens,
    cached_input_tokens, reasoning_tokens, cost_usd, latency_ms, time_to_first_token_ms, status,
    error_code);
CREATE INDEX messages_user_created_idx on messages (user_id, created_at, role, is_active, model);
CREATE INDEX chats_user_created_idx on chats (user_id, created_at, is_archived, is_bookmarked);
CREATE INDEX token_reservations_user_idx on token_reservations (user_id);
CREATE INDEX files_user_created_idx on files (user_id, created_at desc, id desc);
CREATE INDEX files_chat_idx on files (chat_id);
CREATE INDEX files_unfinished_idx on files (user_id) where status <> 'ready';
CREATE TRIGGER files_set_updated_at after update on files begin
  update files set updated_at = clock_timestamp() where rowid = new.rowid;
end;
CREATE TRIGGER files_chat_set_null before delete on chats begin
  update files set chat_id = null where chat_id = old.id and user_id = old.user_id;
end;
COMMIT;
PRAGMA user_version = 4;
