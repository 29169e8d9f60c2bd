-- The daily limit of tokens: reserved before a model is asked, settled when its usage is recorded.
--
-- The limit is the server's, which hands it over with each call. A user can call the same functions,
-- but only with runs of their own making, and that only adds to what counts against them: without
-- the secret run nobody can lower, settle or lapse what the server has reserved, and the table can
-- be reached through these functions alone.

create table private.token_reservations (
  -- The digest of the run, as in messages.run_id.
  run_id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  -- What counts while the lease lasts.
  tokens bigint not null check (tokens >= 0),
  -- What the run has said it has used: what counts after the lease, until the usage is recorded.
  used_tokens bigint not null default 0 check (used_tokens >= 0),
  lease_expires_at timestamptz not null default clock_timestamp() + interval '15 seconds'
);
create index token_reservations_user_idx on private.token_reservations (user_id);
alter table private.token_reservations enable row level security;
revoke all on private.token_reservations from public, anon, authenticated;

-- Functions with the rights of their owner work for the caller only.
create function private.require_caller(p_user_id uuid) returns void
  language plpgsql stable set search_path = '' as $$
begin
  if p_user_id is null
     or (auth.role() is distinct from 'service_role' and p_user_id is distinct from auth.uid()) then
    raise exception 'not the caller''s tokens' using errcode = '42501';
  end if;
end;
$$;

-- What counts against a limit since 00:00 UTC, but for one run: {limit, used, reserved, remaining,
-- resets_at}; null without a limit.
create function private.daily_tokens(
  p_user_id uuid, p_limit bigint, p_except uuid default null
) returns jsonb
  language plpgsql stable security definer set search_path = '' as $$
declare
  v_now constant timestamptz := clock_timestamp();
  v_today constant timestamptz := date_trunc('day', v_now, 'UTC');
  v_used numeric;
  v_reserved numeric;
begin
  if p_limit is null then
    return null;
  end if;
  perform private.require_caller(p_user_id);
  -- One statement, so that a run that is being settled counts once.
  select coalesce(sum(tokens) filter (where not is_reserved), 0),
      coalesce(sum(tokens) filter (where is_reserved), 0)
    into v_used, v_reserved
    from (
      select false as is_reserved, u.input_tokens::numeric + u.output_tokens as tokens
        from public.usage_logs u
        where u.user_id = p_user_id and u.created_at >= v_today
      union all
      select r.lease_expires_at >= v_now,
          case when r.lease_expires_at >= v_now then greatest(r.tokens, r.used_tokens)
            else r.used_tokens end
        from private.token_reservations r
        where r.user_id = p_user_id and r.lease_expires_at >= v_today
          and r.run_id is distinct from p_except
    ) counted;
  return jsonb_build_object('limit', p_limit, 'used', v_used, 'reserved', v_reserved,
    'remaining', greatest(p_limit - v_used - v_reserved, 0),
    'resets_at', v_today + interval '24 hours');
end;
$$;

-- Reserves tokens for a run, in place of what it had reserved: as many as are wanted, or what is
-- left if that is at least p_minimum. Answers the number, or null if there is not enough.
create function private.reserve_tokens(
  p_user_id uuid, p_run_id uuid, p_limit bigint, p_wanted bigint, p_minimum bigint
) returns bigint
  language plpgsql security definer set search_path = '' as $$
declare
  v_now timestamptz;
  v_granted bigint;
begin
  perform private.require_caller(p_user_id);
  -- One at a time for each user, on any number of replicas.
  perform pg_advisory_xact_lock(hashtextextended('daily_tokens ' || p_user_id, 0));
  v_now := clock_timestamp();
  delete from private.token_reservations
    where user_id = p_user_id and lease_expires_at < date_trunc('day', v_now, 'UTC');
  v_granted := least(p_wanted::numeric,
    (private.daily_tokens(p_user_id, p_limit, p_run_id) ->> 'remaining')::numeric);
  if v_granted is null or v_granted < p_minimum then
    return null;
  end if;
  insert into private.token_reservations as r (run_id, user_id, tokens)
    values (p_run_id, p_user_id, greatest(v_granted, 0))
    on conflict (run_id) do update
      set tokens = excluded.tokens, lease_expires_at = excluded.lease_expires_at
      where r.user_id = excluded.user_id;
  return v_granted;
end;
$$;

-- Reserves for an answer. p_reserve is {limit, input_tokens, max_input_tokens, output_tokens,
-- min_output_tokens}: what the server adds to the history's estimate, how much a model can read at
-- the most, and the output cap, which may be lowered to what is left but not below the minimum.
-- Answers {tokens, output_tokens}, or null.
create function private.reserve_for_answer(
  p_user_id uuid, p_run_id uuid, p_reserve jsonb, p_history_tokens bigint
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_input constant bigint := greatest(0, least((p_reserve ->> 'max_input_tokens')::bigint,
    p_history_tokens + coalesce((p_reserve ->> 'input_tokens')::bigint, 0)));
  v_output constant bigint := greatest(0, (p_reserve ->> 'output_tokens')::bigint);
  v_granted constant bigint := private.reserve_tokens(p_user_id, p_run_id,
    (p_reserve ->> 'limit')::bigint, v_input + v_output,
    v_input + least(v_output, (p_reserve ->> 'min_output_tokens')::bigint));
begin
  return case when v_granted is not null
    then jsonb_build_object('tokens', v_granted, 'output_tokens', v_granted - v_input) end;
end;
$$;

-- Renews the lease of a run's reservation. p_used is what the run has used so far, p_reserve is
-- {limit, tokens}: what it needs in all from here on. False if there is not enough left.
create function private.renew_reservation(
  p_user_id uuid, p_run_id uuid, p_used jsonb, p_reserve jsonb
) returns boolean
  language plpgsql security definer set search_path = '' as $$
declare
  v_tokens constant bigint := greatest(0, (p_reserve ->> 'tokens')::bigint);
begin
  perform private.require_caller(p_user_id);
  if p_reserve is not null and private.reserve_tokens(
      p_user_id, p_run_id, (p_reserve ->> 'limit')::bigint, v_tokens, v_tokens) is null then
    return false;
  end if;
  update private.token_reservations
    set used_tokens = greatest(used_tokens, coalesce((p_used ->> 'input_tokens')::bigint, 0)
          + coalesce((p_used ->> 'output_tokens')::bigint, 0)),
        lease_expires_at = clock_timestamp() + interval '15 seconds'
    where run_id = p_run_id and user_id = p_user_id;
  return true;
end;
$$;

-- Gives a run's reservation back: its usage is recorded in the same transaction.
create function private.settle_reservation(p_user_id uuid, p_run_id uuid) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  delete from private.token_reservations where run_id = p_run_id and user_id = p_user_id;
end;
$$;

-- The usage of a run whose lease has lapsed, as it was last saved with its message, which users can
-- change: what the run itself has reported counts if it is more, and while the run's reservation
-- lasts nothing is recorded at all, because then the run lives.
create function private.record_lapsed_usage(
  p_user_id uuid, p_run_id uuid, p_chat_id uuid, p_message_id uuid, p_log jsonb
) returns void
  language plpgsql security definer set search_path = '' as $$
declare
  v_input constant bigint := coalesce((p_log ->> 'input_tokens')::bigint, 0);
  v_output constant bigint := coalesce((p_log ->> 'output_tokens')::bigint, 0);
  r private.token_reservations;
begin
  perform private.require_caller(p_user_id);
  select * into r from private.token_reservations
    where run_id = p_run_id and user_id = p_user_id for update;
  if r.lease_expires_at >= clock_timestamp() then
    return;
  end if;
  perform private.record_usage(p_user_id, p_run_id, p_chat_id, p_message_id,
    p_log || jsonb_build_object('input_tokens',
      greatest(v_input, coalesce(r.used_tokens, 0) - v_output)));
  perform private.settle_reservation(p_user_id, p_run_id);
end;
$$;

-- Why there is no answer: {limit, used, reserved, remaining, resets_at, retry_after_s}.
create function private.over_limit(p_user_id uuid, p_reserve jsonb) returns jsonb
  language sql volatile set search_path = ''
  as $$
    select day || jsonb_build_object('retry_after_s',
        ceil(extract(epoch from (day ->> 'resets_at')::timestamptz - clock_timestamp())))
      from private.daily_tokens(p_user_id, coalesce((p_reserve ->> 'limit')::bigint, 0)) day
  $$;

-- Reserves for an answer that belongs to no chat: all of it as in begin_generation's p_reserve.
-- Answers {"answer": "started", "reserved"} or {"answer": "over_limit", "over_limit"}.
create function public.reserve_tokens(
  p_run uuid, p_reserve jsonb, p_user_id uuid default auth.uid()
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
  v_reserved constant jsonb :=
    private.reserve_for_answer(v_user, private.run_id(p_run), p_reserve, 0);
begin
  if v_reserved is null then
    return jsonb_build_object('answer', 'over_limit',
      'over_limit', private.over_limit(v_user, p_reserve));
  end if;
  return jsonb_build_object('answer', 'started', 'reserved', v_reserved);
end;
$$;

revoke execute on function private.require_caller(uuid) from public, anon;
revoke execute on function private.daily_tokens(uuid, bigint, uuid) from public, anon;
revoke execute on function private.reserve_tokens(uuid, uuid, bigint, bigint, bigint)
  from public, anon;
revoke execute on function private.reserve_for_answer(uuid, uuid, jsonb, bigint) from public, anon;
revoke execute on function private.renew_reservation(uuid, uuid, jsonb, jsonb) from public, anon;
revoke execute on function private.settle_reservation(uuid, uuid) from public, anon;
revoke execute on function private.record_lapsed_usage(uuid, uuid, uuid, uuid, jsonb)
  from public, anon;
revoke execute on function private.over_limit(uuid, jsonb) from public, anon;
grant execute on function private.require_caller(uuid) to authenticated, service_role;
grant execute on function private.daily_tokens(uuid, bigint, uuid) to authenticated, service_role;
grant execute on function private.reserve_tokens(uuid, uuid, bigint, bigint, bigint)
  to authenticated, service_role;
grant execute on function private.reserve_for_answer(uuid, uuid, jsonb, bigint)
  to authenticated, service_role;
grant execute on function private.renew_reservation(uuid, uuid, jsonb, jsonb)
  to authenticated, service_role;
grant execute on function private.settle_reservation(uuid, uuid) to authenticated, service_role;
grant execute on function private.record_lapsed_usage(uuid, uuid, uuid, uuid, jsonb)
  to authenticated, service_role;
grant execute on function private.over_limit(uuid, jsonb) to authenticated, service_role;

revoke execute on function public.reserve_tokens(uuid, jsonb, uuid) from public, anon;
grant execute on function public.reserve_tokens(uuid, jsonb, uuid) to authenticated, service_role;
