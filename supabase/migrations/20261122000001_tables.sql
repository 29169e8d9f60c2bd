-- Chats, messages, usage and analytics: tables, indexes, row-level security and grants.
--
-- Every row belongs to one user. Row-level security lets a user reach their own rows only, and
-- composite foreign keys that carry user_id keep a row from pointing at somebody else's.
-- ARCHITECTURE.md says the schema in words.

-- Functions that the API must not expose live here.
create schema if not exists private;
grant usage on schema private to authenticated, service_role;

------------------------------------------------------------------------------------------ chats

create table public.chats (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid()
    constraint chats_user_fkey references auth.users (id) on delete cascade,
  title text not null default 'New chat'
    constraint chats_title_check check (char_length(title) between 1 and 200),
  model text
    constraint chats_model_check check (char_length(model) between 1 and 200),
  system_prompt text
    constraint chats_system_prompt_check check (char_length(system_prompt) <= 100000),
  is_archived boolean not null default false,
  is_bookmarked boolean not null default false,
  metadata jsonb not null default '{}'
    constraint chats_metadata_check
      check (jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 65536),
  last_message_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint chats_id_user_id_key unique (id, user_id),
  -- What JSON and every client can read.
  constraint chats_times_check check (
    least(last_message_at, created_at, updated_at) >= '0001-01-01Z'
    and greatest(last_message_at, created_at, updated_at) < '9999-01-01Z')
);

-- A computed column: what the chat list is ordered by. A plain SQL body so that the planner
-- inlines it and uses the index below; not coalesce, because under row-level security the planner
-- takes only what it knows to be leakproof into the index.
create function public.last_activity_at(chats public.chats) returns timestamptz
  language sql immutable
  return case when (chats).last_message_at is null
    then (chats).created_at else (chats).last_message_at end;

create index chats_last_activity_idx on public.chats
  (user_id, (case when last_message_at is null then created_at else last_message_at end) desc,
    id desc);

--------------------------------------------------------------------------------------- messages

create table public.messages (
  id uuid primary key default gen_random_uuid(),
  chat_id uuid not null,
  user_id uuid not null default auth.uid(),
  parent_id uuid,
  role text not null
    constraint messages_role_check check (role in ('user', 'assistant', 'system')),
  content text not null default ''
    constraint messages_content_check check (octet_length(content) <= 16777216),
  parts jsonb not null default '[]'
    constraint messages_parts_check
      check (jsonb_typeof(parts) = 'array' and octet_length(parts::text) <= 50331648),
  model text
    constraint messages_model_check check (char_length(model) between 1 and 200),
  status text not null default 'complete'
    constraint messages_status_check
      check (status in ('complete', 'streaming', 'stopped', 'failed', 'interrupted')),
  finish_reason text
    constraint messages_finish_reason_check check (char_length(finish_reason) <= 100),
  usage jsonb
    constraint messages_usage_check
      check (jsonb_typeof(usage) = 'object' and octet_length(usage::text) <= 65536),
  -- Less than something, because NaN is more than everything.
  cost_usd numeric
    constraint messages_cost_usd_check check (cost_usd >= 0 and cost_usd < 1000000000000),
  is_active boolean not null default true,
  metadata jsonb not null default '{}'
    constraint messages_metadata_check
      check (jsonb_typeof(metadata) = 'object' and octet_length(metadata::text) <= 65536),
  -- Which attempt owns the row: a digest of the attempt's secret run (private.run_id).
  run_id uuid,
  lease_expires_at timestamptz,
  stop_requested_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint messages_id_chat_id_key unique (id, chat_id),
  constraint messages_chat_fkey foreign key (chat_id, user_id)
    references public.chats (id, user_id) on delete cascade,
  constraint messages_parent_fkey foreign key (parent_id, chat_id)
    references public.messages (id, chat_id) on delete set null (parent_id),
  constraint messages_lease_check check (status <> 'streaming' or lease_expires_at is not null),
  constraint messages_times_check check (
    least(created_at, updated_at) >= '0001-01-01Z'
    and greatest(created_at, updated_at) < '9999-01-01Z')
);

create index messages_chat_created_idx on public.messages (chat_id, created_at, id);
create index messages_user_created_idx on public.messages (user_id, created_at);
create index messages_parent_idx on public.messages (parent_id);
create index messages_run_idx on public.messages (run_id) where run_id is not null;
create unique index messages_one_streaming_per_chat on public.messages (chat_id)
  where status = 'streaming';

-- A computed column: a streaming row whose lease has lapsed reads as interrupted.
create function public.current_status(messages public.messages) returns text
  language sql stable
  return case
    when (messages).status = 'streaming' and (messages).lease_expires_at < clock_timestamp()
      then 'interrupted'
    else (messages).status
  end;

------------------------------------------------------------------------------------- usage_logs

create table public.usage_logs (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid()
    constraint usage_logs_user_fkey references auth.users (id) on delete cascade,
  chat_id uuid,
  message_id uuid
    constraint usage_logs_message_fkey references public.messages (id) on delete set null,
  operation text not null
    constraint usage_logs_operation_check check (char_length(operation) between 1 and 50),
  provider text not null
    constraint usage_logs_provider_check check (char_length(provider) between 1 and 50),
  model text not null
    constraint usage_logs_model_check check (char_length(model) between 1 and 200),
  input_tokens bigint not null default 0
    constraint usage_logs_input_tokens_check
      check (input_tokens between 0 and 1000000000000000),
  output_tokens bigint not null default 0
    constraint usage_logs_output_tokens_check
      check (output_tokens between 0 and 1000000000000000),
  cached_input_tokens bigint not null default 0
    constraint usage_logs_cached_input_tokens_check
      check (cached_input_tokens between 0 and 1000000000000000),
  cache_write_input_tokens bigint not null default 0
    constraint usage_logs_cache_write_input_tokens_check
      check (cache_write_input_tokens between 0 and 1000000000000000),
  reasoning_tokens bigint not null default 0
    constraint usage_logs_reasoning_tokens_check
      check (reasoning_tokens between 0 and 1000000000000000),
  usage_source text not null
    constraint usage_logs_usage_source_check
      check (usage_source in ('reported', 'estimated', 'missing')),
  cost_usd numeric
    constraint usage_logs_cost_usd_check check (cost_usd >= 0 and cost_usd < 1000000000000),
  latency_ms bigint
    constraint usage_logs_latency_ms_check
      check (latency_ms between 0 and 1000000000000000),
  time_to_first_token_ms bigint
    constraint usage_logs_time_to_first_token_ms_check
      check (time_to_first_token_ms between 0 and 1000000000000000),
  status text not null
    constraint usage_logs_status_check
      check (status in ('complete', 'stopped', 'failed', 'interrupted')),
  error_code text
    constraint usage_logs_error_code_check check (char_length(error_code) <= 100),
  raw jsonb
    constraint usage_logs_raw_check check (octet_length(raw::text) <= 65536),
  created_at timestamptz not null default clock_timestamp(),
  constraint usage_logs_cached_check
    check (cached_input_tokens + cache_write_input_tokens <= input_tokens),
  constraint usage_logs_reasoning_check check (reasoning_tokens <= output_tokens),
  constraint usage_logs_chat_fkey foreign key (chat_id, user_id)
    references public.chats (id, user_id) on delete set null (chat_id)
);

create index usage_logs_user_created_idx on public.usage_logs (user_id, created_at, id);
create index usage_logs_chat_idx on public.usage_logs (chat_id);
create index usage_logs_message_idx on public.usage_logs (message_id);

-------------------------------------------------------------------------------------- analytics

create table public.analytics (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid()
    constraint analytics_user_fkey references auth.users (id) on delete cascade,
  name text not null
    constraint analytics_name_check check (char_length(name) between 1 and 100),
  properties jsonb not null default '{}'
    constraint analytics_properties_check
      check (jsonb_typeof(properties) = 'object' and octet_length(properties::text) <= 32768),
  chat_id uuid,
  session_id text
    constraint analytics_session_id_check check (char_length(session_id) between 1 and 200),
  occurred_at timestamptz not null default clock_timestamp()
    constraint analytics_occurred_at_check
      check (occurred_at >= '0001-01-01Z' and occurred_at < '9999-01-01Z'),
  created_at timestamptz not null default clock_timestamp(),
  constraint analytics_chat_fkey foreign key (chat_id, user_id)
    references public.chats (id, user_id) on delete set null (chat_id)
);

create index analytics_user_occurred_idx on public.analytics (user_id, occurred_at desc, id desc);
create index analytics_chat_idx on public.analytics (chat_id);

--------------------------------------------------------------------------------------- triggers

create function private.set_updated_at() returns trigger
  language plpgsql set search_path = '' as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end;
$$;

create trigger chats_set_updated_at before update on public.chats
  for each row execute function private.set_updated_at();
create trigger messages_set_updated_at before update on public.messages
  for each row execute function private.set_updated_at();

-- A message follows the newest active one unless it says otherwise, and is later than its parent,
-- whatever the clock says. An older message that is brought in follows what was there at its time.
create function private.place_message() returns trigger
  language plpgsql set search_path = '' as $$
declare
  v_parent_created_at timestamptz;
begin
  if new.parent_id is null and new.is_active then
    select m.id into new.parent_id
      from public.messages m
      where m.chat_id = new.chat_id and m.user_id = new.user_id and m.is_active
        and (m.created_at <= new.created_at
          or new.created_at > clock_timestamp() - interval '1 minute')
        and m.id <> new.id
      order by m.created_at desc, m.id desc
      limit 1;
  end if;
  select m.created_at into v_parent_created_at
    from public.messages m
    where m.id = new.parent_id and m.chat_id = new.chat_id and m.user_id = new.user_id;
  if found then
    new.created_at := greatest(new.created_at, v_parent_created_at + interval '1 microsecond');
  end if;
  return new;
end;
$$;

create trigger messages_place before insert on public.messages
  for each row execute function private.place_message();

create function private.touch_chat() returns trigger
  language plpgsql set search_path = '' as $$
begin
  update public.chats c
    set last_message_at = greatest(c.last_message_at, new.created_at)
    where c.id = new.chat_id and c.user_id = new.user_id;
  return null;
end;
$$;

create trigger messages_touch_chat after insert on public.messages
  for each row execute function private.touch_chat();

------------------------------------------------------------------------- row-level security, grants

alter table public.chats enable row level security;
alter table public.messages enable row level security;
alter table public.usage_logs enable row level security;
alter table public.analytics enable row level security;

create policy chats_select on public.chats for select to authenticated
  using ((select auth.uid()) = user_id);
create policy chats_insert on public.chats for insert to authenticated
  with check ((select auth.uid()) = user_id);
create policy chats_update on public.chats for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy chats_delete on public.chats for delete to authenticated
  using ((select auth.uid()) = user_id);

create policy messages_select on public.messages for select to authenticated
  using ((select auth.uid()) = user_id);
create policy messages_insert on public.messages for insert to authenticated
  with check ((select auth.uid()) = user_id);
create policy messages_update on public.messages for update to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
create policy messages_delete on public.messages for delete to authenticated
  using ((select auth.uid()) = user_id);

create policy usage_logs_select on public.usage_logs for select to authenticated
  using ((select auth.uid()) = user_id);
create policy usage_logs_insert on public.usage_logs for insert to authenticated
  with check ((select auth.uid()) = user_id
    and (message_id is null or exists (
      select 1 from public.messages m where m.id = message_id and m.user_id = (select auth.uid()))));

create policy analytics_select on public.analytics for select to authenticated
  using ((select auth.uid()) = user_id);
create policy analytics_insert on public.analytics for insert to authenticated
  with check ((select auth.uid()) = user_id);

revoke all on public.chats, public.messages, public.usage_logs, public.analytics from anon;
revoke all on public.chats, public.messages, public.usage_logs, public.analytics from authenticated;

grant select, insert, update, delete on public.chats, public.messages to authenticated;

-- Append-only for users, and the time of a row is the database's. So is the id of usage: one who
-- knew it beforehand could take the place of the row that the server is going to write.
grant select on public.usage_logs, public.analytics to authenticated;
grant insert (
  user_id, chat_id, message_id, operation, provider, model, input_tokens, output_tokens,
  cached_input_tokens, cache_write_input_tokens, reasoning_tokens, usage_source, cost_usd,
  latency_ms, time_to_first_token_ms, status, error_code, raw
) on public.usage_logs to authenticated;
grant insert (id, user_id, name, properties, chat_id, session_id, occurred_at)
  on public.analytics to authenticated;

grant all on public.chats, public.messages, public.usage_logs, public.analytics to service_role;

revoke execute on function private.set_updated_at() from public;
revoke execute on function private.place_message() from public;
revoke execute on function private.touch_chat() from public;

revoke execute on function public.last_activity_at(public.chats) from public, anon;
revoke execute on function public.current_status(public.messages) from public, anon;
grant execute on function public.last_activity_at(public.chats) to authenticated, service_role;
grant execute on function public.current_status(public.messages) to authenticated, service_role;

----------------------------------------------------------------------------------- chat functions

-- Chats whose title or active messages contain q: literal, case-insensitive.
create function public.search_chats(q text) returns setof public.chats
  language sql stable
  begin atomic
    select c.*
      from public.chats c
      where strpos(lower(c.title), lower(q)) > 0
        or c.id in (
          select m.chat_id
            from public.messages m
            where m.is_active and strpos(lower(m.content), lower(q)) > 0
        );
  end;

-- Flips is_archived or is_bookmarked in one statement; no row when the chat is not the caller's.
create function public.toggle_chat(p_chat_id uuid, p_column text) returns setof public.chats
  language sql
  begin atomic
    update public.chats c
      set is_archived = case p_column when 'is_archived' then not c.is_archived else c.is_archived end,
          is_bookmarked = case p_column when 'is_bookmarked' then not c.is_bookmarked else c.is_bookmarked end
      where c.id = p_chat_id
      returning c.*;
  end;

revoke execute on function public.search_chats(text) from public, anon;
revoke execute on function public.toggle_chat(uuid, text) from public, anon;
grant execute on function public.search_chats(text) to authenticated, service_role;
grant execute on function public.toggle_chat(uuid, text) to authenticated, service_role;

---------------------------------------------------------------------------------------- realtime

do $$
declare
  v_table text;
begin
  foreach v_table in array array['chats', 'messages'] loop
    if exists (select 1 from pg_catalog.pg_publication
        where pubname = 'supabase_realtime' and not puballtables)
      and not exists (select 1 from pg_catalog.pg_publication_tables
        where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = v_table)
    then
      execute format('alter publication supabase_realtime add table public.%I', v_table);
    end if;
  end loop;
end;
$$;
