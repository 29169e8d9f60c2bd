//! What the tables are, and what else shows or changes their rows.

use super::Break;

pub const BREAKS: &[Break] = &[
    // Whole tables and migrations
    (
        "drop table public.script_runs",
        "migration 20261122000006_scripts.sql is missing: it creates table public.script_runs",
    ),
    (
        "drop function public.schema_report()",
        "migration 20261122000007_check.sql is missing: it creates function public.schema_report()",
    ),
    (
        "drop index public.messages_user_created_idx;
         create index messages_user_created_idx on public.messages (user_id, created_at)",
        "index public.messages_user_created_idx: definition: CREATE INDEX",
    ),
    ("drop table public.usage_logs cascade", "table public.usage_logs is missing"),
    (
        "drop table public.files cascade; drop function public.begin_file(uuid, uuid, text, bigint, bigint);
         drop function public.finish_file(uuid, uuid, text, text, bigint, text, bigint, uuid, jsonb);
         delete from storage.buckets;
         drop policy files_objects_select on storage.objects;
         drop policy files_objects_insert on storage.objects;
         drop policy files_objects_update on storage.objects;
         drop policy files_objects_delete on storage.objects",
        "migration 20261122000005_files.sql is missing",
    ),
    // Indexes
    (
        "drop index public.messages_one_streaming_per_chat",
        "index public.messages_one_streaming_per_chat is missing",
    ),
    (
        "drop index public.messages_one_streaming_per_chat;
         create index messages_one_streaming_per_chat on public.messages (chat_id)
           where status = 'streaming'",
        "index public.messages_one_streaming_per_chat: definition: CREATE INDEX",
    ),
    ("drop index public.chats_last_activity_idx", "index public.chats_last_activity_idx is missing"),
    (
        "create unique index one_title on public.chats (title)",
        "index public.one_title is not of the migrations and may refuse rows",
    ),
    (
        "update pg_index set indisvalid = false
           where indexrelid = 'public.files_chat_idx'::regclass",
        "index public.files_chat_idx: valid: no",
    ),
    // Constraints and columns
    (
        "alter table public.messages drop constraint messages_lease_check",
        "constraint messages_lease_check on public.messages is missing",
    ),
    (
        "alter table public.usage_logs drop constraint usage_logs_cost_usd_check;
         alter table public.usage_logs add constraint usage_logs_cost_usd_check
           check (cost_usd >= 0 and cost_usd < 1000000000000) not valid",
        "constraint usage_logs_cost_usd_check on public.usage_logs: definition: CHECK",
    ),
    (
        "alter table public.messages drop constraint messages_chat_fkey",
        "constraint messages_chat_fkey on public.messages is missing",
    ),
    (
        "alter table public.files drop constraint files_pkey cascade",
        "constraint files_pkey on public.files is missing",
    ),
    (
        "alter table public.chats add constraint short check (char_length(title) < 10)",
        "constraint short on public.chats is not of the migrations and may refuse rows",
    ),
    (
        "alter table public.usage_logs alter cache_write_input_tokens type numeric",
        "column public.usage_logs.cache_write_input_tokens: type: numeric (the migrations say: bigint)",
    ),
    (
        "alter table public.chats alter user_id drop default",
        "column public.chats.user_id: default: nothing (the migrations say: auth.uid())",
    ),
    (
        "alter table public.chats alter user_id drop not null",
        "column public.chats.user_id: null: allowed (the migrations say: refused)",
    ),
    (
        "alter table public.messages drop column stop_requested_at",
        "column public.messages.stop_requested_at is missing",
    ),
    (
        "alter table public.chats add column tenant uuid not null",
        "column public.chats.tenant is not of the migrations, and no row can be stored without it",
    ),
    ("alter table public.analytics set unlogged", "table public.analytics: kept: without a log"),
    // Tables that came later
    (
        "create policy opened on public.passages for select to authenticated using (true)",
        "policy opened on public.passages is not of the migrations",
    ),
    (
        "alter policy indexed_files_account on public.indexed_files using (true)",
        "policy indexed_files_account on public.indexed_files: using: true",
    ),
    (
        "grant references, trigger, truncate on public.usage_logs to authenticated",
        "table public.usage_logs: authenticated may: references, select, trigger, truncate",
    ),
    (
        "grant all on private.made_calls, private.usage_days, private.tool_tokens to anon",
        "table private.tool_tokens: anon may: delete",
    ),
    (
        "alter table public.usage_logs enable replica trigger usage_logs_forgotten",
        "trigger usage_logs_forgotten on public.usage_logs: enabled: on replicas only",
    ),
    // Columns, Realtime
    (
        "alter table public.analytics alter name type text collate \"C\"",
        "collation of public.analytics.name is",
    ),
    (
        "alter table public.messages replica identity nothing",
        "replica identity of public.messages is nothing",
    ),
    (
        "alter publication supabase_realtime set (publish = 'insert')",
        "publication supabase_realtime leaves out update, delete",
    ),
    (
        "alter publication supabase_realtime set table public.chats, public.messages where (is_active)",
        "publication of public.messages is only for rows where is_active",
    ),
    (
        "alter publication supabase_realtime set table public.chats (id, title), public.messages",
        "publication of public.chats is only for some columns",
    ),
    // Views, Realtime
    (
        "create view public.all_messages as select * from public.messages;
         grant select on public.all_messages to authenticated",
        "view public.all_messages shows rows of these tables with its owner's rights",
    ),
    (
        "create materialized view public.copy as select * from public.chats;
         grant select on public.copy to anon",
        "view public.copy shows rows of these tables",
    ),
    (
        "alter publication supabase_realtime drop table public.messages",
        "table public.messages: realtime: not published",
    ),
    // What reaches the tables
    (
        "create view public.v1 as select * from public.messages;
         create view public.v2 as select id, content from public.v1;
         revoke all on public.v1 from public; grant select on public.v2 to authenticated",
        "view public.v2 shows rows of these tables with its owner's rights",
    ),
    (
        "create view public.v1 as select * from public.chats; grant select (title) on public.v1 to anon",
        "view public.v1 shows rows of these tables with its owner's rights",
    ),
    (
        "create view public.v1 with (security_invoker = true) as select * from public.chats;
         create materialized view public.m1 as select * from public.v1;
         grant select on public.m1 to authenticated",
        "view public.m1 shows rows of these tables with its owner's rights",
    ),
    (
        "create table public.everything (like public.messages);
         alter table public.messages inherit public.everything;
         grant select on public.everything to authenticated",
        "parent public.everything of public.messages shows its rows",
    ),
];
