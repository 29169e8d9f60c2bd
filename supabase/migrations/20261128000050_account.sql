-- Deleting accounts, and what all users have used. ARCHITECTURE.md ("Accounts") says why.

-------------------------------------------------------------------------------- deleted accounts

-- Accounts that are being deleted or have been. Their rows and files go, and their users; this stays, because
-- access tokens go on being good for a while. Can be reached through the functions below alone.
create table private.deleted_accounts (
  user_id uuid primary key,
  requested_at timestamptz not null default clock_timestamp(),
  -- When everything was deleted.
  deleted_at timestamptz,
  -- When nothing could arrive in Storage any more: uploads that were under way have ended.
  swept_at timestamptz,
  -- Somebody is at work on it until then.
  lease_expires_at timestamptz
);
create index deleted_accounts_unfinished_idx on private.deleted_accounts (requested_at)
  where swept_at is null;
alter table private.deleted_accounts enable row level security;
revoke all on private.deleted_accounts from public, anon, authenticated;

-- Whether the caller's account is none of these.
create function private.has_account() returns boolean
  language sql stable security definer set search_path = ''
  as $$
    select not exists (select 1 from private.deleted_accounts d where d.user_id = auth.uid())
  $$;

-- The caller, unless their account is one of these: then nobody, and for a request of PostgREST's an error, of
-- which it makes a status. Realtime asks policies for all who listen at once, so there it must not fail.
create function private.current_account() returns uuid
  language plpgsql stable set search_path = '' as $$
begin
  if private.has_account() then
    return auth.uid();
  elsif nullif(current_setting('request.method', true), '') is not null then
    raise exception 'this account was deleted' using errcode = 'PT401';
  end if;
  return null;
end;
$$;

-- The tokens of such an account reach nothing. Beside the condition of the other policies this is one on no
-- row, so it is asked once per statement, also of one that finds no row.
create policy chats_account on public.chats as restrictive for all to authenticated
  using ((select private.current_account()) = user_id);
create policy messages_account on public.messages as restrictive for all to authenticated
  using ((select private.current_account()) = user_id);
create policy usage_logs_account on public.usage_logs as restrictive for all to authenticated
  using ((select private.current_account()) = user_id);
create policy analytics_account on public.analytics as restrictive for all to authenticated
  using ((select private.current_account()) = user_id);
create policy files_account on public.files as restrictive for all to authenticated
  using ((select private.current_account()) = user_id);
create policy script_runs_account on public.script_runs as restrictive for all to authenticated
  using ((select private.current_account()) = user_id);

-- Nobody begins a run for it either, whose functions have their owner's rights.
create function private.refuse_deleted_account() returns trigger
  language plpgsql security definer set search_path = '' as $$
begin
  if exists (select 1 from private.deleted_accounts d where d.user_id = new.user_id) then
    raise exception 'this account was deleted' using errcode = 'PT401';
  end if;
  return new;
end;
$$;

create trigger token_reservations_account before insert on private.token_reservations
  for each row execute function private.refuse_deleted_account();

-- A PostgreSQL without Supabase Storage has no such schema, and needs none.
do $$
begin
  if to_regclass('storage.objects') is null then
    return;
  end if;
  create policy files_objects_account on storage.objects as restrictive for all to authenticated
    using (bucket_id <> 'files' or (select private.has_account()));
end;
$$;

---------------------------------------------------------------------------------------- deletion

-- Only the service role deletes accounts, each by itself.
create function private.require_deleted(p_user_id uuid) returns void
  language plpgsql stable security definer set search_path = '' as $$
begin
  if auth.role() is distinct from 'service_role' or not exists (
      select 1 from private.deleted_accounts d where d.user_id = p_user_id) then
    raise exception 'not an account that is being deleted' using errcode = '42501';
  end if;
end;
$$;

-- Marks an account as deleted, and stops what is at work for it.
create function private.mark_deleted(p_user_id uuid) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  if auth.role() is distinct from 'service_role' then
    raise exception 'only the service role deletes accounts' using errcode = '42501';
  end if;
  insert into private.deleted_accounts as d (user_id, lease_expires_at)
    values (p_user_id, clock_timestamp() + interval '2 minutes')
    on conflict (user_id) do update set lease_expires_at = excluded.lease_expires_at;
  update public.messages
    set stop_requested_at = coalesce(stop_requested_at, clock_timestamp())
    where user_id = p_user_id and status = 'streaming';
end;
$$;

create function public.begin_account_deletion(p_user_id uuid) returns jsonb
  language plpgsql set search_path = '' as $$
begin
  perform private.mark_deleted(p_user_id);
  return 'true';
end;
$$;

-- Deletes rows of an account, for at most some seconds; whether none is left. What belongs to a chat goes with
-- it, and the last things with the user.
create function private.delete_rows(p_user_id uuid) returns boolean
  language plpgsql security definer set search_path = '' as $$
declare
  v_until constant timestamptz := clock_timestamp() + interval '2 seconds';
  v_table text;
  v_batch integer;
  v_deleted bigint;
begin
  perform private.require_deleted(p_user_id);
  update private.deleted_accounts
    set lease_expires_at = clock_timestamp() + interval '2 minutes'
    where user_id = p_user_id;
  delete from private.token_reservations where user_id = p_user_id;
  foreach v_table in array array['chats', 'script_runs', 'files', 'analytics', 'usage_logs'] loop
    v_batch := case v_table when 'chats' then 20 else 1000 end;
    loop
      execute format('delete from public.%I where id in (select id from public.%I where user_id = $1 '
        'limit $2)', v_table, v_table) using p_user_id, v_batch;
      get diagnostics v_deleted = row_count;
      exit when v_deleted = 0;
      if clock_timestamp() > v_until then
        return false;
      end if;
    end loop;
  end loop;
  return true;
end;
$$;

create function public.delete_account_rows(p_user_id uuid) returns boolean
  language sql set search_path = ''
  as $$ select private.delete_rows(p_user_id) $$;

-- Remembers that everything of an account was deleted. An hour later Storage is looked through once more.
create function private.note_deletion(p_user_id uuid) returns boolean
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_deleted(p_user_id);
  update private.deleted_accounts
    set swept_at = case when deleted_at < clock_timestamp() - interval '1 hour' then clock_timestamp() end,
        deleted_at = coalesce(deleted_at, clock_timestamp()), lease_expires_at = null
    where user_id = p_user_id;
  return true;
end;
$$;

create function public.end_account_deletion(p_user_id uuid) returns boolean
  language sql set search_path = ''
  as $$ select private.note_deletion(p_user_id) $$;

-- Up to ten accounts that are to be deleted and that nobody is at work on, for two minutes: their ids.
create function private.claim_deletions() returns jsonb
  language plpgsql security definer set search_path = '' as $$
declare
  v_claimed jsonb;
begin
  if auth.role() is distinct from 'service_role' then
    raise exception 'only the service role deletes accounts' using errcode = '42501';
  end if;
  with claimed as (
    update private.deleted_accounts
      set lease_expires_at = clock_timestamp() + interval '2 minutes'
      where user_id in (
        select d.user_id from private.deleted_accounts d
          where d.swept_at is null
            and (d.deleted_at is null or d.deleted_at < clock_timestamp() - interval '1 hour')
            and (d.lease_expires_at is null or d.lease_expires_at < clock_timestamp())
          order by d.requested_at limit 10 for update skip locked)
      returning user_id, requested_at
  )
  select coalesce(jsonb_agg(user_id order by requested_at, user_id), '[]') into v_claimed from claimed;
  return v_claimed;
end;
$$;

create function public.claim_account_deletions() returns jsonb
  language sql set search_path = ''
  as $$ select private.claim_deletions() $$;

------------------------------------------------------------------------------- usage of all users

-- Everything that the statistics of all users read, so that they never touch the table. By an expression, so
-- that no plan for the rows of one user takes it.
create index usage_logs_all_users_idx on public.usage_logs ((created_at at time zone 'UTC'))
  include (created_at, user_id, operation, provider, model, input_tokens, output_tokens, cached_input_tokens,
    reasoning_tokens, cost_usd, latency_ms, time_to_first_token_ms, status, error_code, assistant,
    plan);

-- For one who runs the server, whom the server has recognised by their token.
create function private.require_operator(p_user_id uuid) returns void
  language plpgsql stable security definer set search_path = '' as $$
begin
  if auth.role() is distinct from 'service_role' or p_user_id is null then
    raise exception 'only the service role reads the usage of all users' using errcode = '42501';
  elsif exists (select 1 from private.deleted_accounts d where d.user_id = p_user_id) then
    raise exception 'this account was deleted' using errcode = 'PT401';
  end if;
end;
$$;

-- What all users have used, for p_operator; otherwise as usage_statistics, and p_group_by may be user.
create function public.usage_of_all_users(
  p_operator uuid,
  p_from timestamptz default null,
  p_to timestamptz default null,
  p_interval text default 'day',
  p_group_by text default 'none',
  p_time_zone text default 'UTC'
) returns jsonb
  language plpgsql stable set search_path = ''
  -- The rows of a time lie together in the index; there are far fewer buckets than the planner fears.
  set work_mem = '64MB' set random_page_cost = 1.1 set enable_sort = off set jit = off as $$
declare
  v_to constant timestamptz := coalesce(p_to, clock_timestamp());
  v_from constant timestamptz := coalesce(p_from, v_to - interval '720 hours');
  v_starts constant timestamptz[] := private.bucket_starts(v_from, v_to, p_interval, p_time_zone);
  v_totals jsonb;
  v_series jsonb;
  v_latency double precision[];
  v_first_token double precision[];
begin
  perform private.require_operator(p_operator);
  if p_group_by is null or p_group_by not in ('none', 'model', 'provider', 'operation', 'assistant',
      'plan', 'user') then
    raise exception 'group "%" not recognized', p_group_by using errcode = '22023';
  end if;
  with cells as materialized (
    -- (select v_starts) is evaluated once, v_starts would be unpacked for every row.
    select width_bucket(u.created_at, (select v_starts)) as bucket,
        case p_group_by when 'model' then u.model when 'provider' then u.provider
          when 'operation' then u.operation when 'assistant' then coalesce(u.assistant, '')
          when 'plan' then coalesce(u.plan, '') when 'user' then u.user_id::text else '' end as name,
        count(*) as requests,
        count(*) filter (where u.error_code is not null or u.status = 'failed') as errors,
        sum(u.input_tokens) as input, sum(u.output_tokens) as output,
        sum(u.cached_input_tokens) as cached, sum(u.reasoning_tokens) as reasoning,
        count(u.cost_usd) as priced, sum(u.cost_usd) as cost
      from public.usage_logs u
      where u.created_at at time zone 'UTC' >= v_from at time zone 'UTC'
        and u.created_at at time zone 'UTC' < v_to at time zone 'UTC'
      group by 1, 2
  ), names as (
    select distinct name from cells union select '' where p_group_by = 'none'
  )
  select
      (select private.usage_json(sum(requests), sum(errors), sum(input), sum(output), sum(cached),
        sum(reasoning), sum(priced), sum(cost)) from cells),
      (select jsonb_agg(
          jsonb_build_object('bucket', s.label, 'group', nullif(n.name, ''))
            || private.usage_json(c.requests, c.errors, c.input, c.output, c.cached, c.reasoning,
              c.priced, c.cost)
          order by s.bucket, n.name collate "C")
        from (select bucket, private.local_text(start, p_time_zone) as label
            from unnest(v_starts) with ordinality as starts (start, bucket)) s
          cross join names n
          left join cells c on c.bucket = s.bucket and c.name = n.name
        where (select count(*) from names) * cardinality(v_starts) <= 10000)
    into v_totals, v_series;
  if v_series is null and (v_totals ->> 'requests')::numeric > 0 then
    raise exception 'more than 10000 buckets in all groups' using errcode = '22023';
  end if;
  select percentile_cont(array[0.5, 0.95, 0.99]) within group (order by u.latency_ms),
      percentile_cont(array[0.5, 0.95, 0.99]) within group (order by u.time_to_first_token_ms)
    into v_latency, v_first_token
    from public.usage_logs u
    where u.created_at at time zone 'UTC' >= v_from at time zone 'UTC'
      and u.created_at at time zone 'UTC' < v_to at time zone 'UTC';
  return jsonb_build_object('from', v_from, 'to', v_to, 'interval', p_interval,
    'totals', v_totals, 'latency_ms', private.percentiles_json(v_latency),
    'time_to_first_token_ms', private.percentiles_json(v_first_token),
    'series', coalesce(v_series, '[]'));
end;
$$;

--------------------------------------------------------------------------------------------- grants

revoke execute on function private.has_account() from public, anon;
revoke execute on function private.current_account() from public, anon;
revoke execute on function private.refuse_deleted_account() from public, anon;
revoke execute on function private.require_deleted(uuid) from public, anon;
revoke execute on function private.mark_deleted(uuid) from public, anon;
revoke execute on function private.delete_rows(uuid) from public, anon;
revoke execute on function private.note_deletion(uuid) from public, anon;
revoke execute on function private.claim_deletions() from public, anon;
revoke execute on function private.require_operator(uuid) from public, anon;
grant execute on function private.has_account() to authenticated, service_role;
grant execute on function private.current_account() to authenticated, service_role;
grant execute on function private.require_deleted(uuid) to service_role;
grant execute on function private.mark_deleted(uuid) to service_role;
grant execute on function private.delete_rows(uuid) to service_role;
grant execute on function private.note_deletion(uuid) to service_role;
grant execute on function private.claim_deletions() to service_role;
grant execute on function private.require_operator(uuid) to service_role;

-- The service role's alone: older projects give new functions to everybody.
revoke execute on function public.begin_account_deletion(uuid) from public, anon, authenticated;
revoke execute on function public.delete_account_rows(uuid) from public, anon, authenticated;
revoke execute on function public.end_account_deletion(uuid) from public, anon, authenticated;
revoke execute on function public.claim_account_deletions() from public, anon, authenticated;
revoke execute on function public.usage_of_all_users(
  uuid, timestamptz, timestamptz, text, text, text) from public, anon, authenticated;
grant execute on function public.begin_account_deletion(uuid) to service_role;
grant execute on function public.delete_account_rows(uuid) to service_role;
grant execute on function public.end_account_deletion(uuid) to service_role;
grant execute on function public.claim_account_deletions() to service_role;
grant execute on function public.usage_of_all_users(
  uuid, timestamptz, timestamptz, text, text, text) to service_role;
