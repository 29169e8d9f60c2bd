//! Who may do what: policies, row-level security, grants, schemas and roles.

use super::Break;

pub const BREAKS: &[Break] = &[
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
];
