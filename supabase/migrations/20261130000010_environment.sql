-- What else makes requests fail or opens rows, though all that the migrations create is as they say, and sums
-- of days that are kept for many deleted rows at once.

------------------------------------------------------------------------------------------ the check

-- Tables of which a view shows rows whatever row-level security says: directly, or by another view.
create function private.described_views(p_tables oid[]) returns jsonb
  language sql stable set search_path = '' as $$
  with recursive uses as (
    select distinct r.ev_class as id, d.refobjid as used
      from pg_catalog.pg_depend d join pg_catalog.pg_rewrite r on r.oid = d.objid
      where d.classid = 'pg_catalog.pg_rewrite'::regclass
        and d.refclassid = 'pg_catalog.pg_class'::regclass and r.ev_class <> d.refobjid
  ), shown (id, as_owner) as (
    select t, true from unnest(p_tables) t
    union
    select v.oid, v.relkind = 'm' or s.as_owner
          and not coalesce(v.reloptions, '{}') && array['security_invoker=true', 'security_invoker=on']
      from shown s join uses u on u.used = s.id join pg_catalog.pg_class v on v.oid = u.id
      where v.relkind in ('v', 'm')
  )
  select coalesce(jsonb_object_agg('view ' || v.oid::regclass,
      jsonb_build_object('rights', 'its owner''s')), '{}')
    from pg_catalog.pg_class v
    where v.relkind in ('v', 'm') and exists (select from shown s where s.id = v.oid and s.as_owner)
      and (has_any_column_privilege('anon', v.oid, 'select')
        or has_any_column_privilege('authenticated', v.oid, 'select'))
$$;

-- Whether Supabase's functions tell who asks.
create function private.described_caller() returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_claims constant text := current_setting('request.jwt.claims', true);
  v_id constant uuid := gen_random_uuid();
  v_right boolean;
begin
  perform set_config('request.jwt.claims',
    jsonb_build_object('sub', v_id, 'role', 'authenticated')::text, true);
  v_right := auth.uid() is not distinct from v_id
    and auth.role() is not distinct from 'authenticated' and auth.jwt() ->> 'sub' = v_id::text;
  perform set_config('request.jwt.claims', '{"role": "anon"}', true);
  v_right := v_right is true and auth.uid() is null and auth.role() is not distinct from 'anon';
  perform set_config('request.jwt.claims', coalesce(v_claims, ''), true);
  return jsonb_build_object('tell who asks', case when v_right then 'yes' else 'no' end);
exception when others then
  return jsonb_build_object('tell who asks', sqlerrm);
end;
$$;

-- What is around the tables of these names, as for describe_schema: {objects, unseen}. Only what deserves a
-- look is an object, but for the settings and memberships of roles, of which some are to be there.
create function public.describe_environment(p_names jsonb default null) returns jsonb
  language plpgsql stable set search_path = '' as $$
declare
  v_tables constant oid[] := array(
    select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'private') and c.relkind in ('r', 'p')
        and (p_names is null or p_names ? (n.nspname || '.' || c.relname)));
  v_objects jsonb;
begin
  select jsonb_object_agg(name, aspects) into v_objects from (
    -- Others may be secrets. What holds in this database goes before what holds for a role everywhere.
    select 'settings of ' || coalesce(s.role, 'the database') as name,
        jsonb_object_agg(s.setting, s.value order by s.setdatabase) as aspects
      from (
        select r.rolname::text as role, d.setdatabase, split_part(c, '=', 1) as setting,
            substr(c, strpos(c, '=') + 1) as value
          from pg_catalog.pg_db_role_setting d
            left join pg_catalog.pg_roles r on r.oid = d.setrole
            cross join unnest(d.setconfig) c
          where (d.setdatabase = 0 or d.setdatabase = (
                select b.oid from pg_catalog.pg_database b where b.datname = current_database()))
            and (d.setrole = 0
              or r.rolname in ('anon', 'authenticated', 'authenticator', 'service_role'))
      ) s
      where s.setting in ('session_replication_role', 'row_security', 'role', 'statement_timeout',
        'lock_timeout', 'transaction_timeout', 'default_transaction_read_only',
        'default_transaction_isolation', 'pgrst.db_schemas', 'pgrst.db_pre_request',
        'pgrst.db_max_rows', 'pgrst.db_tx_end', 'pgrst.db_anon_role', 'pgrst.jwt_role_claim_key')
      group by s.role
    union all
    select 'role authenticator', jsonb_build_object('acts as', coalesce((
          select string_agg(g.rolname::text, ', ' order by g.rolname::text collate "C")
            from pg_catalog.pg_auth_members m join pg_catalog.pg_roles g on g.oid = m.roleid
            where m.member = a.oid), ''))
      from pg_catalog.pg_roles a where a.rolname = 'authenticator'
    union all
    select 'attributes of ' || r.rolname, jsonb_build_object('may', concat_ws(', ',
          case when r.rolsuper then 'do everything' end,
          case when r.rolbypassrls then 'pass row-level security' end,
          case when r.rolcreaterole then 'create roles' end,
          case when r.rolcreatedb then 'create databases' end,
          case when r.rolreplication then 'replicate' end,
          case when r.rolcanlogin and r.rolname <> 'authenticator' then 'log in' end))
      from pg_catalog.pg_roles r
      where r.rolname in ('anon', 'authenticated', 'authenticator') and (r.rolsuper or r.rolbypassrls
        or r.rolcreaterole or r.rolcreatedb or r.rolreplication
        or r.rolcanlogin and r.rolname <> 'authenticator')
    union all
    select 'changes of schema public', jsonb_build_object(
        'owner', pg_get_userbyid(n.nspowner),
        'open to', (select string_agg(r, ', ') from unnest(array['anon', 'authenticated']) r
          where has_schema_privilege(r, n.oid, 'create')))
      from pg_catalog.pg_namespace n
      where n.nspname = 'public' and (has_schema_privilege('anon', n.oid, 'create')
        or has_schema_privilege('authenticated', n.oid, 'create'))
    union all
    select 'functions auth.uid, auth.role and auth.jwt', private.described_caller()
    union all
    -- Who reads a parent is not bound by the policies of its children.
    select 'parent ' || i.inhparent::regclass || ' of ' || i.inhrelid::regclass, '{}'
      from pg_catalog.pg_inherits i where i.inhrelid = any (v_tables) or i.inhparent = any (v_tables)
    union all
    select 'replica identity of ' || t.oid::regclass, '{}'
      from pg_catalog.pg_class t where t.oid = any (v_tables) and t.relreplident = 'n'
    union all
    select 'collation of ' || a.attrelid::regclass || '.' || quote_ident(a.attname),
        jsonb_build_object('is', a.attcollation::regcollation)
      from pg_catalog.pg_attribute a join pg_catalog.pg_type y on y.oid = a.atttypid
      where a.attrelid = any (v_tables) and a.attnum > 0 and not a.attisdropped
        and a.attcollation <> y.typcollation
    union all
    -- PostgreSQL may call such a one before a policy has looked at the row.
    select 'leakproof ' || f.oid::regprocedure, '{}'::jsonb
      from pg_catalog.pg_proc f join pg_catalog.pg_namespace n on n.oid = f.pronamespace
      where f.proleakproof and n.nspname in ('public', 'private')
    union all
    select 'publication supabase_realtime', jsonb_build_object('leaves out', concat_ws(', ',
          case when not p.pubinsert then 'insert' end, case when not p.pubupdate then 'update' end,
          case when not p.pubdelete then 'delete' end))
      from pg_catalog.pg_publication p where p.pubname = 'supabase_realtime'
    union all
    select 'publication of ' || pr.prrelid::regclass, jsonb_build_object(
        'rows', coalesce(pg_get_expr(pr.prqual, pr.prrelid), 'all'),
        'columns', case when pr.prattrs is null then 'all' else 'some' end)
      from pg_catalog.pg_publication_rel pr join pg_catalog.pg_publication p on p.oid = pr.prpubid
      where p.pubname = 'supabase_realtime' and pr.prrelid = any (v_tables)
        and (pr.prqual is not null or pr.prattrs is not null)
    union all
    -- Rows that such a one names cannot be deleted, nor their users.
    select 'reference ' || quote_ident(c.conname) || ' on ' || c.conrelid::regclass,
        jsonb_build_object('definition', pg_get_constraintdef(c.oid))
      from pg_catalog.pg_constraint c
      where c.contype = 'f' and c.confrelid = any (v_tables) and c.conrelid <> all (v_tables)
        and c.confdeltype in ('a', 'r')
    union all
    select 'definer ' || f.oid::regprocedure, jsonb_build_object('names', (
          select string_agg(t.relname::text, ', ' order by t.relname collate "C")
            from pg_catalog.pg_class t
            where t.oid = any (v_tables) and f.prosrc ~ ('\m' || t.relname || '\M')))
      from pg_catalog.pg_proc f join pg_catalog.pg_namespace n on n.oid = f.pronamespace
      where n.nspname = 'public' and f.prosecdef and f.prokind = 'f'
        and not coalesce(p_names, '[]') ? (n.nspname || '.' || f.proname) and p_names is not null
        and f.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
        and (has_function_privilege('anon', f.oid, 'execute')
          or has_function_privilege('authenticated', f.oid, 'execute'))
        and exists (select from pg_catalog.pg_class t
          where t.oid = any (v_tables) and f.prosrc ~ ('\m' || t.relname || '\M'))
    union all
    -- Sign-ups, deletions of users and uploads fail when such a one fails.
    select 'trigger ' || quote_ident(t.tgname) || ' on ' || t.tgrelid::regclass, '{}'
      from pg_catalog.pg_trigger t join pg_catalog.pg_proc f on f.oid = t.tgfoid
        join pg_catalog.pg_namespace n on n.oid = f.pronamespace
      where t.tgrelid in (to_regclass('auth.users'), to_regclass('storage.objects'))
        and not t.tgisinternal and t.tgenabled <> 'D' and n.nspname not in ('auth', 'storage')
    union all
    -- What looks like a hook of Auth.
    select 'hook ' || f.oid::regprocedure, jsonb_build_object(
        'Auth may call it', case when has_function_privilege('supabase_auth_admin', f.oid, 'execute')
            and has_schema_privilege('supabase_auth_admin', n.oid, 'usage') then 'yes' else 'no' end,
        'open to', coalesce((
          select string_agg(r, ', ') from unnest(array['anon', 'authenticated']) r
            where has_function_privilege(r, f.oid, 'execute')
              and has_schema_privilege(r, n.oid, 'usage')), ''))
      from pg_catalog.pg_proc f join pg_catalog.pg_namespace n on n.oid = f.pronamespace
      where f.prokind = 'f' and f.proargnames = array['event'] and f.prorettype = 'jsonb'::regtype
        and f.proargtypes[0] = 'jsonb'::regtype and f.pronargs = 1
        and to_regrole('supabase_auth_admin') is not null
  ) described (name, aspects);
  return jsonb_build_object('objects', v_objects || private.described_views(v_tables));
end;
$$;

revoke execute on function private.described_views(oid[]) from public;
revoke execute on function private.described_caller() from public;
revoke execute on function public.describe_environment(jsonb) from public, anon, authenticated;
grant execute on function private.described_views(oid[]) to service_role;
grant execute on function private.described_caller() to service_role;
grant execute on function public.describe_environment(jsonb) to service_role;

------------------------------------------------------------------------------------- sums of days

-- By what the sums of a row's day are grouped. It is as the values that private.sum_up_days groups by.
create function private.names_of_day(u public.usage_logs) returns table (kind text, name text)
  language sql immutable
  begin atomic
    select k.kind, k.name
      from (values ('user', (u).user_id::text), ('model', (u).model), ('provider', (u).provider),
        ('operation', (u).operation), ('assistant', coalesce((u).assistant, '')),
        ('plan', coalesce((u).plan, '')), ('latency_ms', private.rounded_ms((u).latency_ms)::text),
        ('time_to_first_token_ms', private.rounded_ms((u).time_to_first_token_ms)::text)
      ) k (kind, name)
      where k.name is not null;
  end;

-- Adds a row to the sums of its day, or takes it out of them. A time that is infinite has no day.
create or replace function private.add_to_day(u public.usage_logs, p_sign integer) returns void
  language plpgsql security definer set search_path = '' as $$
declare
  v_day constant date := (u.created_at at time zone 'UTC')::date;
begin
  if not isfinite(u.created_at) then
    return;
  end if;
  -- Days are summed up when nobody writes rows of them.
  perform pg_advisory_xact_lock_shared(20261128, v_day - date '2000-01-01');
  if not exists (select 1 from private.summed_days d where d.day = v_day and d.is_summed) then
    return;
  end if;
  -- This is rare, and those who do it must not wait for one another in a circle.
  perform pg_advisory_xact_lock(20261129, 1);
  insert into private.usage_days as d
    select k.kind, v_day, k.name, p_sign,
        case when u.error_code is not null or u.status = 'failed' then p_sign else 0 end,
        p_sign * u.input_tokens, p_sign * u.output_tokens, p_sign * u.cached_input_tokens,
        p_sign * u.reasoning_tokens, case when u.cost_usd is null then 0 else p_sign end,
        p_sign * coalesce(u.cost_usd, 0)
      from private.names_of_day(u) k
    on conflict (kind, day, name) do update set
      requests = d.requests + excluded.requests, errors = d.errors + excluded.errors,
      input_tokens = d.input_tokens + excluded.input_tokens,
      output_tokens = d.output_tokens + excluded.output_tokens,
      cached_input_tokens = d.cached_input_tokens + excluded.cached_input_tokens,
      reasoning_tokens = d.reasoning_tokens + excluded.reasoning_tokens,
      priced = d.priced + excluded.priced, cost_usd = d.cost_usd + excluded.cost_usd;
  if p_sign < 0 then
    delete from private.usage_days d using private.names_of_day(u) k
      where d.kind = k.kind and d.day = v_day and d.name = k.name and d.requests = 0;
  end if;
end;
$$;

-- Takes the rows that a statement has deleted out of the sums of their days: 20,000 of a user's at once.
create function private.forget_usage() returns trigger
  language plpgsql security definer set search_path = '' as $$
declare
  v_day date;
  v_days date[];
  v_emptied private.usage_days[];
begin
  for v_day in
    select distinct (u.created_at at time zone 'UTC')::date from deleted u
      where isfinite(u.created_at) order by 1
  loop
    -- As in private.add_to_day, after which one sees whether it is summed up.
    perform pg_advisory_xact_lock_shared(20261128, v_day - date '2000-01-01');
    if exists (select from private.summed_days d where d.day = v_day and d.is_summed) then
      v_days := v_days || v_day;
    end if;
  end loop;
  if v_days is null then
    return null;
  end if;
  perform pg_advisory_xact_lock(20261129, 1);
  with gone as (
    select k.kind, (u.created_at at time zone 'UTC')::date as day, k.name, count(*) as requests,
        count(*) filter (where u.error_code is not null or u.status = 'failed') as errors,
        sum(u.input_tokens) as input, sum(u.output_tokens) as output,
        sum(u.cached_input_tokens) as cached, sum(u.reasoning_tokens) as reasoning,
        count(u.cost_usd) as priced, coalesce(sum(u.cost_usd), 0) as cost
      from deleted u cross join lateral private.names_of_day(u) k
      where (u.created_at at time zone 'UTC')::date = any (v_days)
      group by 1, 2, 3
  ), changed as (
    update private.usage_days d set
        requests = d.requests - g.requests, errors = d.errors - g.errors,
        input_tokens = d.input_tokens - g.input, output_tokens = d.output_tokens - g.output,
        cached_input_tokens = d.cached_input_tokens - g.cached,
        reasoning_tokens = d.reasoning_tokens - g.reasoning, priced = d.priced - g.priced,
        cost_usd = d.cost_usd - g.cost
      from gone g where d.kind = g.kind and d.day = g.day and d.name = g.name
      returning d
  )
  select array_agg(c.d) into v_emptied from changed c where (c.d).requests = 0;
  delete from private.usage_days d using unnest(v_emptied) e
    where d.kind = e.kind and d.day = e.day and d.name = e.name;
  return null;
end;
$$;

drop trigger usage_logs_days on public.usage_logs;
create trigger usage_logs_days after insert or update of user_id, created_at, operation, provider, model,
    input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, cost_usd, latency_ms,
    time_to_first_token_ms, status, error_code, assistant, plan on public.usage_logs
  for each row execute function private.keep_day();
create trigger usage_logs_forgotten after delete on public.usage_logs
  referencing old table as deleted for each statement execute function private.forget_usage();

revoke execute on function private.names_of_day(public.usage_logs) from public, anon;
revoke execute on function private.forget_usage() from public, anon;
