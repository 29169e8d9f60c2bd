//! Functions and what calls them.

use super::Break;

pub const BREAKS: &[Break] = &[
    // Functions
    (
        "revoke execute on function public.toggle_chat(uuid, text) from authenticated",
        "function public.toggle_chat(uuid,text): authenticated may: nothing (the migrations say: execute)",
    ),
    (
        "revoke execute on function private.run_id(uuid) from service_role",
        "function private.run_id(uuid): service_role may: nothing",
    ),
    (
        "grant execute on function public.search_chats(text) to anon",
        "function public.search_chats(text): anon may: execute",
    ),
    (
        "grant execute on function private.record_usage(uuid, uuid, uuid, uuid, jsonb) to public",
        "function private.record_usage(uuid,uuid,uuid,uuid,jsonb): everybody may: execute",
    ),
    (
        "grant execute on function public.describe_schema(jsonb) to authenticated",
        "function public.describe_schema(jsonb): authenticated may: execute",
    ),
    (
        "drop function private.settle_reservation(uuid, uuid)",
        "function private.settle_reservation(uuid,uuid) is missing",
    ),
    (
        "drop function private.touch_chat() cascade",
        "trigger messages_touch_chat on public.messages is missing",
    ),
    (
        "alter function public.request_stop(uuid, uuid) security definer",
        "function public.request_stop(uuid,uuid): rights: its owner's (the migrations say: the caller's)",
    ),
    (
        "alter function private.record_usage(uuid, uuid, uuid, uuid, jsonb) security invoker",
        "private.record_usage(uuid,uuid,uuid,uuid,jsonb): rights: the caller's",
    ),
    (
        "alter function private.settle_reservation(uuid, uuid) reset all",
        "private.settle_reservation(uuid,uuid): settings: nothing (the migrations say: search_path=\"\")",
    ),
    (
        "alter function private.acting_user(uuid) set search_path = public",
        "function private.acting_user(uuid): settings: search_path=public",
    ),
    (
        "create or replace function private.require_caller(p_user_id uuid) returns void
           language plpgsql stable set search_path = '' as $$ begin end $$",
        "function private.require_caller(uuid): its body is another one",
    ),
    (
        "create or replace function public.search_chats(q text) returns setof public.chats
           language sql stable set search_path = '' begin atomic select c.* from public.chats c; end",
        "function public.search_chats(text): its body is another one",
    ),
    (
        "alter function private.acting_user(uuid) immutable",
        "function private.acting_user(uuid): volatility: immutable (the migrations say: stable)",
    ),
    (
        "alter function private.record_usage(uuid, uuid, uuid, uuid, jsonb) owner to authenticated",
        "private.record_usage(uuid,uuid,uuid,uuid,jsonb): authenticated may: nothing (the migrations \
         say: execute); owner: authenticated (the migrations say: trusted)",
    ),
    (
        "drop function public.request_stop(uuid, uuid);
         create function public.request_stop(p_chat_id uuid) returns jsonb language sql
           as 'select null::jsonb'",
        "function public.request_stop(uuid) is not of the migrations: a function of an older version",
    ),
    (
        "create function public.search_files(q jsonb) returns int language sql as 'select 1'",
        "function public.search_files(jsonb) is not of the migrations",
    ),
    (
        "create or replace function public.request_stop(p_chat_id uuid, p_user_id uuid default null)
           returns jsonb language sql as 'select null::jsonb'",
        "arguments: p_chat_id uuid, p_user_id uuid DEFAULT NULL::uuid (the migrations say: p_chat_id \
         uuid, p_user_id uuid DEFAULT auth.uid())",
    ),
    // Triggers
    (
        "drop trigger messages_place on public.messages",
        "trigger messages_place on public.messages is missing",
    ),
    (
        "alter table public.chats disable trigger chats_set_updated_at",
        "trigger chats_set_updated_at on public.chats: enabled: no",
    ),
    (
        "alter table public.messages disable trigger all",
        "constraint messages_chat_fkey on public.messages: enforced: no",
    ),
    (
        "drop trigger messages_touch_chat on public.messages;
         create trigger messages_touch_chat before insert on public.messages
           for each row execute function private.touch_chat()",
        "trigger messages_touch_chat on public.messages: definition: CREATE TRIGGER messages_touch_chat \
         BEFORE INSERT",
    ),
    (
        "create rule nothing as on delete to public.chats do instead nothing",
        "rule nothing on public.chats is not of the migrations",
    ),
];
