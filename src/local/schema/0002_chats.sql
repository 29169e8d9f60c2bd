-- Chats, messages, usage and analytics: what supabase/migrations describes,
-- in SQLite's words and with PostgreSQL's constraint names.
--
-- uuid, text and jsonb are text (uuids in lower case, jsonb as PostgreSQL prints it, so that its
-- first character tells its type), timestamptz is microseconds since 1970, boolean is 0 or 1.
-- clock_timestamp() and gen_random_uuid() are the local Supabase's. Row-level security and grants are
-- in the tables' descriptions beside this file.

------------------------------------------------------------------------------------------ chats

create table chats (
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

create index chats_last_activity_idx on chats
  (user_id, coalesce(last_message_at, created_at) desc, id desc);

--------------------------------------------------------------------------------------- messages

create table messages (
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

create index messages_chat_created_idx on messages (chat_id, created_at, id);
create index messages_user_created_idx on messages (user_id, created_at);
create index messages_parent_idx on messages (parent_id);
create index messages_run_idx on messages (run_id) where run_id is not null;
create unique index messages_one_streaming_per_chat on messages (chat_id)
  where status = 'streaming';

------------------------------------------------------------------------------------- usage_logs

create table usage_logs (
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

create index usage_logs_user_created_idx on usage_logs (user_id, created_at, id);
create index usage_logs_chat_idx on usage_logs (chat_id);
create index usage_logs_message_idx on usage_logs (message_id);

-------------------------------------------------------------------------------------- analytics

create table analytics (
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

create index analytics_user_occurred_idx on analytics (user_id, occurred_at desc, id desc);
create index analytics_chat_idx on analytics (chat_id);

--------------------------------------------------------------------------------------- triggers

-- SQLite's triggers cannot change the row that is being written, so these change it afterwards.
-- A trigger does not fire itself (recursive_triggers is off).

create trigger chats_set_updated_at after update on chats begin
  update chats set updated_at = clock_timestamp() where rowid = new.rowid;
end;

create trigger messages_set_updated_at after update on messages begin
  update messages set updated_at = clock_timestamp() where rowid = new.rowid;
end;

-- A message follows the newest active one unless it says otherwise, and is later than its parent;
-- an older message that is brought in follows what was there at its time. Its chat was active when it
-- came. One trigger, because SQLite leaves the order of two open.
create trigger messages_place after insert on messages begin
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

-- SQLite's "on delete set null" clears every column of a key, and user_id must stay.

create trigger messages_parent_set_null before delete on messages begin
  update messages set parent_id = null where parent_id = old.id;
end;

create trigger chats_set_null before delete on chats begin
  update usage_logs set chat_id = null where chat_id = old.id and user_id = old.user_id;
  update analytics set chat_id = null where chat_id = old.id and user_id = old.user_id;
end;
