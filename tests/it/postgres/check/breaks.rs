//! Every way of breaking a project is named.

use std::collections::BTreeSet;

use chat_backend::cli::check::schema::{Description, Difference, Expected, compare};

use super::super::{Database, database};
use super::MAX_FILE_BYTES;

/// What is done to the database, and what the check says of it.
const BREAKS: &[(&str, &str)] = &[
    // Policies
    (
        "alter policy chats_select on public.chats using (true)",
        "policy chats_select on public.chats: using: true (the migrations say: \
         (( SELECT auth.uid() AS uid) = user_id))",
    ),
    (
        "alter policy messages_insert on public.messages with check (true)",
        "policy messages_insert on public.messages: check: true",
    ),
    (
        "alter policy usage_logs_insert on public.usage_logs
           with check ((select auth.uid()) = user_id)",
        "policy usage_logs_insert on public.usage_logs: check: (( SELECT auth.uid() AS uid) = user_id) \
         (the migrations say: ((( SELECT",
    ),
    (
        "create policy everybody on public.messages for select to authenticated using (true)",
        "policy everybody on public.messages is not of the migrations: it is permissive for select, \
         to authenticated, using true",
    ),
    (
        "create policy nothing on public.files as restrictive for all using (false)",
        "policy nothing on public.files is not of the migrations: it is restrictive for all, to \
         everybody",
    ),
    ("drop policy files_update on public.files", "policy files_update on public.files is missing"),
    (
        "alter policy chats_delete on public.chats to public",
        "policy chats_delete on public.chats: roles: everybody (the migrations say: authenticated)",
    ),
    (
        "alter policy chats_delete on public.chats to anon, authenticated",
        "policy chats_delete on public.chats: roles: anon, authenticated",
    ),
    (
        "drop policy analytics_select on public.analytics;
         create policy analytics_select on public.analytics for all to authenticated
           using ((select auth.uid()) = user_id)",
        "policy analytics_select on public.analytics: command: all (the migrations say: select)",
    ),
    (
        "alter policy chats_insert on public.chats rename to chats_new",
        "policy chats_insert on public.chats is missing",
    ),
    // Row-level security
    (
        "alter table public.messages disable row level security",
        "table public.messages: row-level security: off (the migrations say: on)",
    ),
    (
        "alter table private.token_reservations disable row level security",
        "table private.token_reservations: row-level security: off",
    ),
    (
        "alter table public.chats force row level security",
        "table public.chats: row-level security: on, for its owner too",
    ),
    ("alter table public.chats owner to authenticated", "table public.chats: authenticated may: nothing (the migrations say: delete, insert, select, \
         update); owner: authenticated (the migrations say: trusted)"),
    (
        "alter role authenticated bypassrls",
        "role authenticated: bound by row-level security: no (the migrations say: yes)",
    ),
    ("alter role service_role nobypassrls", "role service_role: bound by row-level security: yes"),
    ("grant service_role to authenticated", "role authenticated: member of: service_role"),
    // Grants on tables
    (
        "grant select on public.chats to anon",
        "table public.chats: anon may: select (the migrations say: nothing)",
    ),
    ("grant all on public.messages to public", "table public.messages: everybody may: delete, insert"),
    (
        "grant update on public.usage_logs to authenticated",
        "table public.usage_logs: authenticated may: select, update (the migrations say: select)",
    ),
    (
        "grant delete on public.analytics to authenticated",
        "table public.analytics: authenticated may: delete, select",
    ),
    (
        "grant insert on public.usage_logs to authenticated",
        "table public.usage_logs: authenticated may: insert, select",
    ),
    ("grant truncate on public.files to authenticated", "table public.files: authenticated may: delete"),
    (
        "revoke select on public.chats from authenticated",
        "table public.chats: authenticated may: delete, insert, update",
    ),
    (
        "revoke all on public.messages from service_role",
        "table public.messages: service_role may: nothing",
    ),
    (
        "grant select on public.chats to authenticated with grant option",
        "authenticated may: delete, insert, select with grant option, update",
    ),
    (
        "grant select on private.token_reservations to authenticated",
        "table private.token_reservations: authenticated may: select",
    ),
    (
        "grant select (content) on public.messages to anon",
        "column public.messages.content: anon may: select",
    ),
    (
        "grant update (cost_usd) on public.usage_logs to authenticated",
        "column public.usage_logs.cost_usd: authenticated may: insert, update",
    ),
    (
        "grant insert (created_at) on public.analytics to authenticated",
        "column public.analytics.created_at: authenticated may: insert (the migrations say: nothing)",
    ),
    (
        "revoke insert (model) on public.usage_logs from authenticated",
        "column public.usage_logs.model: authenticated may: nothing (the migrations say: insert)",
    ),
    // Schemas
    ("grant usage on schema private to anon", "schema private: anon may: usage"),
    ("grant create on schema private to public", "schema private: everybody may: create"),
    ("revoke usage on schema private from authenticated", "schema private: authenticated may: nothing"),
    (
        "revoke usage on schema public from authenticated, public",
        "schema public: authenticated may use it: no",
    ),
    (
        "revoke usage on schema auth from authenticated",
        "schema auth: authenticated may use it: no (the migrations say: yes)",
    ),
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
    // Storage
    (
        "update storage.buckets set public = true where id = 'files'",
        "bucket files: public: yes (the migrations say: no)",
    ),
    ("delete from storage.buckets where id = 'files'", "bucket files is missing"),
    (
        "update storage.buckets set file_size_limit = 1024 where id = 'files'",
        "bucket files: file_size_limit: 1024",
    ),
    (
        "update storage.buckets set allowed_mime_types = '{image/png}' where id = 'files'",
        "bucket files: allowed_mime_types: [\"image/png\"]",
    ),
    (
        "drop policy files_objects_select on storage.objects",
        "policy files_objects_select on storage.objects is missing",
    ),
    (
        "alter policy files_objects_delete on storage.objects using (bucket_id = 'files')",
        "policy files_objects_delete on storage.objects: using: (bucket_id = 'files'::text)",
    ),
    (
        "create policy open on storage.objects for select using (true)",
        "policy open on storage.objects may open the bucket files",
    ),
    (
        "create policy mine on storage.objects for all to authenticated
           using (bucket_id = 'avatars' or (select auth.uid()) is not null)",
        "policy mine on storage.objects may open the bucket files",
    ),
    (
        "create policy shut on storage.objects as restrictive for all to authenticated
           using (bucket_id = 'avatars')",
        "policy shut on storage.objects keeps users from their files",
    ),
    (
        "create policy change on storage.buckets for update to authenticated using (true)",
        "policy change on storage.buckets may let users change the bucket files",
    ),
    (
        "alter table storage.objects disable row level security",
        "table storage.objects: row-level security: off",
    ),
    (
        "revoke insert on storage.objects from authenticated",
        "table storage.objects: authenticated may: delete, select, update",
    ),
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
    // Roles and settings
    (
        "alter role authenticator set session_replication_role = replica",
        "settings of authenticator make requests fail or open rows: session_replication_role=replica",
    ),
    ("alter role authenticated set row_security = off", "settings of authenticated make requests fail"),
    (
        "do $$ begin execute format('alter database %I set default_transaction_read_only = on',
           current_database()); end $$",
        "settings of the database make requests fail or open rows: default_transaction_read_only=on",
    ),
    (
        "alter role authenticated set statement_timeout = '8s';
         do $$ begin execute format('alter role authenticated in database %I set statement_timeout = 100',
           current_database()); end $$",
        "settings of authenticated make requests fail or open rows: statement_timeout=100",
    ),
    (
        "alter role authenticator set pgrst.db_schemas = 'public, private'",
        "open rows: pgrst.db_schemas=public, private",
    ),
    ("alter role authenticator set pgrst.db_max_rows = '100'", "open rows: pgrst.db_max_rows=100"),
    ("alter role authenticator set pgrst.db_anon_role = 'service_role'", "pgrst.db_anon_role=service_role"),
    ("alter role authenticator bypassrls", "attributes of authenticator are more than requests need"),
    ("alter role authenticated login createrole", "attributes of authenticated are more than"),
    ("revoke authenticated from authenticator", "role authenticator may not act as authenticated"),
    ("alter schema public owner to authenticated", "changes of schema public are open to its owner"),
    (
        "create or replace function auth.uid() returns uuid language sql stable
           as $$ select gen_random_uuid() $$",
        "functions auth.uid, auth.role and auth.jwt do not tell who asks",
    ),
    (
        "revoke execute on function auth.role() from public",
        "functions auth.uid, auth.role and auth.jwt fail: permission denied",
    ),
    ("alter function public.search_chats(text) leakproof", "leakproof public.search_chats(text) may be called"),
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
];

/// The differences once `sql` was run, which is then undone: some of it would be seen by all tests.
async fn broken_by(db: &Database, sql: &str) -> Vec<Difference> {
    db.admin.batch_execute("begin").await.unwrap();
    db.admin.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    db.admin.batch_execute("set local role service_role").await.unwrap();
    let expected = Expected::committed();
    let names = serde_json::to_string(&expected.names()).unwrap();
    let described = async |function: &str| {
        db.strings(&format!("select public.{function}('{names}')::text")).await.remove(0)
    };
    let (found, around) =
        (described("describe_schema").await, described("describe_environment").await);
    db.admin.batch_execute("rollback").await.unwrap();
    let found: Description = serde_json::from_str(&found).unwrap();
    compare(&expected, &found.within(serde_json::from_str(&around).unwrap()), MAX_FILE_BYTES)
}

#[tokio::test]
async fn every_break_is_named() {
    let Some(db) = database().await else { return };
    assert_eq!(broken_by(&db, "select 1").await, []);
    let mut silent = Vec::new();
    for (sql, words) in BREAKS {
        let differences = broken_by(&db, sql).await;
        let is_named = |d: &&Difference| d.is_problem && d.what.contains(words);
        match differences.iter().find(is_named) {
            Some(named) => assert!(!named.remedy.is_empty(), "{sql}"),
            None => silent.push(format!("{sql}\n  wanted: {words}\n  {differences:#?}")),
        }
    }
    assert!(silent.is_empty(), "{} of {}:\n{}", silent.len(), BREAKS.len(), silent.join("\n"));
    let distinct: BTreeSet<_> = BREAKS.iter().map(|(sql, _)| sql).collect();
    assert!(distinct.len() >= 40 && distinct.len() == BREAKS.len());
}

#[tokio::test]
async fn what_fails_nobody_is_only_told() {
    let Some(db) = database().await else { return };
    for (sql, words) in [
        ("create index by_name on public.files (name)", "index public.by_name is not of the"),
        ("alter table public.chats add column team uuid", "column public.chats.team is not of the"),
        (
            "create trigger audit after insert on public.chats
               for each row execute function private.set_updated_at()",
            "trigger audit on public.chats is not of the migrations",
        ),
        ("update storage.buckets set file_size_limit = 104857600", "file_size_limit: 104857600"),
        (
            "create table public.pins (chat_id uuid references public.chats);",
            "reference pins_chat_id_fkey on public.pins keeps rows that it names",
        ),
        (
            "create trigger welcome after insert on auth.users
               for each row execute function private.set_updated_at()",
            "trigger welcome on auth.users is not of the migrations",
        ),
        (
            "create function public.leak() returns bigint language sql security definer
               as 'select count(*) from public.messages';
             grant execute on function public.leak() to authenticated",
            "definer public.leak() is a function that signed-in users",
        ),
        (
            "create function public.add_claims(event jsonb) returns jsonb language sql as 'select event';
             revoke all on function public.add_claims(jsonb) from public",
            "hook public.add_claims(jsonb) looks like a hook of Auth, which may not call it",
        ),
        (
            "create function public.add_claims(event jsonb) returns jsonb language sql as 'select event'",
            "hook public.add_claims(jsonb) looks like a hook of Auth, and is open to anon, authenticated",
        ),
        ("grant create on schema public to authenticated", "changes of schema public are open to authenticated"),
        (
            "alter role authenticator set pgrst.db_pre_request = 'public.guard'",
            "settings of authenticator: public.guard runs before each request",
        ),
    ] {
        let differences = broken_by(&db, sql).await;
        assert_eq!(differences.len(), 1, "{sql}: {differences:#?}");
        let [Difference { what, is_problem, .. }] = &differences[..] else { unreachable!() };
        assert!(what.contains(words) && !is_problem, "{sql}: {what}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_not_judged() {
    let Some(db) = database().await else { return };
    db.admin.batch_execute("begin; revoke all on storage.buckets from service_role").await.unwrap();
    db.admin.batch_execute("set local role service_role").await.unwrap();
    let described = db.strings("select public.describe_schema('[]')::text").await.remove(0);
    db.admin.batch_execute("rollback").await.unwrap();
    let found: Description = serde_json::from_str(&described).unwrap();
    assert_eq!(found.unseen["bucket files"], "permission denied for table buckets");
    let differences = compare(&Expected::committed(), &found, MAX_FILE_BYTES);
    assert!(differences.iter().all(|difference| !difference.what.contains("bucket files")));
}
