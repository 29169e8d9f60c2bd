-- What `chat-backend check` cannot see from outside: everything that the migrations create, as the
-- database has it. The check compares it with what the migrations say. Only the service key may ask;
-- nothing in the answer is a user's.

-- Who may do what with an object, but for its owner: {"anon may": "insert, select"}. Only the roles
-- that requests can have.
create function private.described_grants(p_acl aclitem[], p_owner oid) returns jsonb
  language sql stable set search_path = '' as $$
  select coalesce(jsonb_object_agg(grantee || ' may', privileges), '{}')
    from (
      select coalesce(r.rolname::text, 'everybody') as grantee,
          string_agg(lower(a.privilege_type)
            || case when a.is_grantable then ' with grant option' else '' end, ', '
            order by a.privilege_type collate "C") as privileges
        from pg_catalog.aclexplode(p_acl) a
          left join pg_catalog.pg_roles r on r.oid = a.grantee
        where a.grantee <> p_owner
          and (a.grantee = 0
            or r.rolname in ('anon', 'authenticated', 'authenticator', 'service_role'))
          -- PostgreSQL 17 and later count it among all privileges.
          and not (a.privilege_type = 'MAINTAIN' and r.rolname = 'service_role')
        group by 1
    ) grants
$$;

-- 'trusted' for owners whom row-level security does not hold anyway.
create function private.described_owner(p_owner oid) returns text
  language sql stable set search_path = '' as $$
  select case
      when r.rolname in ('anon', 'authenticated', 'authenticator', 'service_role') then r.rolname::text
      when r.rolsuper or r.rolbypassrls
        or exists (select 1 from pg_catalog.pg_class c
          where c.oid = to_regclass('public.chats') and c.relowner = r.oid) then 'trusted'
      else r.rolname::text
    end
    from pg_catalog.pg_roles r where r.oid = p_owner
$$;

-- The tables and functions of these names, an array of texts such as "public.chats"; all of public
-- and private if it is null. Answers {server, now, objects, unseen}: objects are named as in
-- "policy chats_select on public.chats" and have aspects; unseen says what could not be read, and
-- why.
create function public.describe_schema(p_names jsonb default null) returns jsonb
  language plpgsql stable set search_path = '' as $$
declare
  v_tables constant oid[] := array(
    select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'private') and c.relkind in ('r', 'p')
        and (p_names is null or p_names ? (n.nspname || '.' || c.relname)));
  v_storage constant oid[] := array_remove(
    array[to_regclass('storage.objects')::oid, to_regclass('storage.buckets')::oid], null);
  v_realtime constant boolean := exists (
    select 1 from pg_catalog.pg_publication where pubname = 'supabase_realtime' and not puballtables);
  v_objects jsonb;
  v_bucket jsonb;
  v_unseen jsonb := '{}';
begin
  select jsonb_object_agg(name, aspects) into v_objects from (
    select 'schema private' as name,
        private.described_grants(
          coalesce(n.nspacl, acldefault('n', n.nspowner)), n.nspowner) as aspects
      from pg_catalog.pg_namespace n where n.nspname = 'private'
    union all
    -- What else older projects grant in public does not matter to us.
    select 'schema ' || n.nspname, jsonb_build_object(
        'authenticated may use it',
          case when has_schema_privilege('authenticated', n.oid, 'usage') then 'yes' else 'no' end,
        'service_role may use it',
          case when has_schema_privilege('service_role', n.oid, 'usage') then 'yes' else 'no' end)
      from pg_catalog.pg_namespace n where n.nspname in ('auth', 'public', 'storage')
    union all
    -- The service role may do everything anyway, whatever it is a member of.
    select 'role ' || r.rolname, jsonb_build_object(
        'bound by row-level security',
          case when r.rolsuper or r.rolbypassrls then 'no' else 'yes' end,
        'member of', coalesce((
          select string_agg(g.rolname::text, ', ' order by g.rolname::text collate "C")
            from pg_catalog.pg_auth_members m join pg_catalog.pg_roles g on g.oid = m.roleid
            where m.member = r.oid and r.rolname <> 'service_role'), ''))
      from pg_catalog.pg_roles r where r.rolname in ('anon', 'authenticated', 'service_role')
    union all
    select 'table ' || t.oid::regclass, jsonb_build_object(
        'row-level security', case when t.relrowsecurity then 'on' else 'off' end
          || case when t.relforcerowsecurity then ', for its owner too' else '' end,
        'kept', case t.relpersistence when 'p' then 'durably' else 'without a log' end,
        'owner', private.described_owner(t.relowner))
        || private.described_grants(coalesce(t.relacl, acldefault('r', t.relowner)), t.relowner)
        || case when v_realtime then jsonb_build_object('realtime',
            case when exists (
              select 1 from pg_catalog.pg_publication_rel pr
                join pg_catalog.pg_publication p on p.oid = pr.prpubid
                where p.pubname = 'supabase_realtime' and pr.prrelid = t.oid)
              or exists (
              select 1 from pg_catalog.pg_publication_namespace pn
                join pg_catalog.pg_publication p on p.oid = pn.pnpubid
                where p.pubname = 'supabase_realtime' and pn.pnnspid = t.relnamespace)
              then 'published' else 'not published' end)
          else '{}' end
      from pg_catalog.pg_class t where t.oid = any (v_tables)
    union all
    select 'column ' || a.attrelid::regclass || '.' || quote_ident(a.attname), jsonb_build_object(
        'type', format_type(a.atttypid, a.atttypmod),
        'null', case when a.attnotnull then 'refused' else 'allowed' end,
        'default', coalesce(pg_get_expr(d.adbin, d.adrelid), ''),
        'computed', case when a.attgenerated <> '' or a.attidentity <> '' then 'yes' else 'no' end)
        || private.described_grants(a.attacl, t.relowner)
      from pg_catalog.pg_attribute a join pg_catalog.pg_class t on t.oid = a.attrelid
        left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = any (v_tables) and a.attnum > 0 and not a.attisdropped
    union all
    select 'constraint ' || quote_ident(c.conname) || ' on ' || c.conrelid::regclass,
        jsonb_build_object(
          'definition', pg_get_constraintdef(c.oid),
          'enforced', case when exists (
              select 1 from pg_catalog.pg_trigger t
                where t.tgconstraint = c.oid and t.tgenabled not in ('O', 'A'))
            then 'no' else 'yes' end)
      from pg_catalog.pg_constraint c
      where c.conrelid = any (v_tables) and c.contype in ('c', 'f', 'p', 'u', 'x')
    union all
    select 'index ' || i.indexrelid::regclass, jsonb_build_object(
        'definition', pg_get_indexdef(i.indexrelid),
        'valid', case when i.indisvalid and i.indisready then 'yes' else 'no' end)
      from pg_catalog.pg_index i
      where i.indrelid = any (v_tables) and not exists (
        select 1 from pg_catalog.pg_constraint c
          where c.conindid = i.indexrelid and c.contype in ('p', 'u', 'x'))
    union all
    select 'trigger ' || quote_ident(t.tgname) || ' on ' || t.tgrelid::regclass, jsonb_build_object(
        'definition', pg_get_triggerdef(t.oid),
        'enabled', case t.tgenabled when 'O' then 'yes' when 'A' then 'always'
          when 'R' then 'on replicas only' else 'no' end)
      from pg_catalog.pg_trigger t where t.tgrelid = any (v_tables) and not t.tgisinternal
    union all
    select 'rule ' || quote_ident(r.rulename) || ' on ' || r.ev_class::regclass,
        jsonb_build_object('definition', pg_get_ruledef(r.oid))
      from pg_catalog.pg_rewrite r where r.ev_class = any (v_tables)
    union all
    select 'policy ' || quote_ident(p.polname) || ' on ' || p.polrelid::regclass, jsonb_build_object(
        'kind', case when p.polpermissive then 'permissive' else 'restrictive' end,
        'command', case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
          when 'd' then 'delete' else 'all' end,
        'roles', (select string_agg(coalesce(r.rolname::text, 'everybody'), ', '
            order by r.rolname collate "C")
          from unnest(p.polroles) as given (role)
            left join pg_catalog.pg_roles r on r.oid = given.role),
        'using', coalesce(pg_get_expr(p.polqual, p.polrelid), ''),
        'check', coalesce(pg_get_expr(p.polwithcheck, p.polrelid), ''))
      from pg_catalog.pg_policy p where p.polrelid = any (v_tables || v_storage)
    union all
    select 'function ' || f.oid::regprocedure, jsonb_build_object(
        'arguments', pg_get_function_arguments(f.oid),
        'returns', pg_get_function_result(f.oid),
        'language', l.lanname,
        'rights', case when f.prosecdef then 'its owner''s' else 'the caller''s' end,
        'volatility',
          case f.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
        'strict', case when f.proisstrict then 'yes' else 'no' end,
        'settings', coalesce(array_to_string(f.proconfig, ', '), ''),
        'owner', private.described_owner(f.proowner),
        'body', coalesce(
          regexp_replace(pg_get_function_sqlbody(f.oid), '\s+', ' ', 'g'),
          encode(sha256(convert_to(replace(f.prosrc, E'\r', ''), 'UTF8')), 'hex')))
        || private.described_grants(coalesce(f.proacl, acldefault('f', f.proowner)), f.proowner)
      from pg_catalog.pg_proc f join pg_catalog.pg_namespace n on n.oid = f.pronamespace
        join pg_catalog.pg_language l on l.oid = f.prolang
      where n.nspname in ('public', 'private') and f.prokind = 'f'
        and (p_names is null or p_names ? (n.nspname || '.' || f.proname))
    union all
    -- Row-level security of the tables below does not hold for who may read such a view.
    select distinct 'view ' || v.oid::regclass, jsonb_build_object('rights', 'its owner''s')
        || private.described_grants(v.relacl, v.relowner)
      from pg_catalog.pg_depend d
        join pg_catalog.pg_rewrite r on r.oid = d.objid
        join pg_catalog.pg_class v on v.oid = r.ev_class
      where d.classid = 'pg_catalog.pg_rewrite'::regclass
        and d.refclassid = 'pg_catalog.pg_class'::regclass
        and d.refobjid = any (v_tables) and v.relkind in ('v', 'm')
        and (v.relkind = 'm'
          or not coalesce(v.reloptions, '{}') && array['security_invoker=true', 'security_invoker=on'])
        and exists (select 1 from pg_catalog.aclexplode(v.relacl) a
          where a.grantee = 0 or a.grantee in (
            select g.oid from pg_catalog.pg_roles g where g.rolname in ('anon', 'authenticated')))
    union all
    select 'table ' || t.oid::regclass, jsonb_build_object(
        'row-level security', case when t.relrowsecurity then 'on' else 'off' end,
        'authenticated may', case when t.oid = to_regclass('storage.objects') then (
          select string_agg(p, ', ' order by p)
            from unnest(array['select', 'insert', 'update', 'delete']) p
            where has_table_privilege('authenticated', t.oid, p)) else 'anything' end)
      from pg_catalog.pg_class t where t.oid = any (v_storage)
  ) described (name, aspects);

  if to_regclass('storage.buckets') is not null then
    begin
      -- As jsonb, because older versions of Storage have fewer columns.
      execute $bucket$
        select jsonb_build_object(
            'public', case when (row ->> 'public')::boolean then 'yes' else 'no' end,
            'file_size_limit', coalesce(row ->> 'file_size_limit', ''),
            'allowed_mime_types', coalesce(nullif(row -> 'allowed_mime_types', 'null')::text, ''))
          from (select to_jsonb(b) from storage.buckets b where b.id = 'files') bucket (row)
        $bucket$ into v_bucket;
      if v_bucket is not null then
        v_objects := v_objects || jsonb_build_object('bucket files', v_bucket);
      end if;
    exception when insufficient_privilege then
      v_unseen := jsonb_build_object('bucket files', sqlerrm);
    end;
  end if;
  return jsonb_build_object(
    'server', 'PostgreSQL ' || current_setting('server_version'),
    'now', clock_timestamp(),
    'objects', v_objects,
    'unseen', v_unseen);
end;
$$;

revoke execute on function private.described_grants(aclitem[], oid) from public;
revoke execute on function private.described_owner(oid) from public;
revoke execute on function public.describe_schema(jsonb) from public, anon, authenticated;
grant execute on function private.described_grants(aclitem[], oid) to service_role;
grant execute on function private.described_owner(oid) to service_role;
grant execute on function public.describe_schema(jsonb) to service_role;
