-- The roles of a Supabase project. The superuser is called supabase_admin there.

create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit;
create role supabase_auth_admin login noinherit createrole;
create role supabase_storage_admin login noinherit createrole;
create role postgres login createdb createrole replication bypassrls;
grant anon, authenticated, service_role to authenticator, postgres;
-- Whoever runs migrations may write policies for Storage's tables.
grant supabase_storage_admin to postgres;
