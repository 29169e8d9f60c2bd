-- What `chat-backend check` cannot see from outside: whether row-level security is on and which
-- commands have a policy. Only the service key may ask.

create function public.schema_report() returns jsonb
  language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'version', 'PostgreSQL ' || current_setting('server_version'),
    'tables', coalesce(jsonb_object_agg(c.relname, jsonb_build_object(
      'row_security', c.relrowsecurity,
      'policies', (
        select coalesce(jsonb_agg(distinct p.cmd), '[]')
          from pg_catalog.pg_policies p
          where p.schemaname = 'public' and p.tablename = c.relname
            and 'authenticated' = any (p.roles)))), '{}'))
    from pg_catalog.pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r';
$$;

revoke execute on function public.schema_report() from public, anon, authenticated;
grant execute on function public.schema_report() to service_role;
