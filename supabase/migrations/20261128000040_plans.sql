-- Assistants, plans in money and the prices that were paid. ARCHITECTURE.md ("Plans") says why.
--
-- What a plan allows is the server's to say, with each call, as the daily limit is: a user who calls these
-- functions reserves for runs of their own, and that only adds to what counts against them. Money is numeric:
-- nothing is rounded.

------------------------------------------------------------------------------------------- tables

-- The assistant that answers in a chat, by its id in the operator's file.
alter table public.chats add column assistant text
  constraint chats_assistant_check check (char_length(assistant) between 1 and 64);

-- Who answered and on which plan, and what each model cost a million tokens then: cost_usd can be computed
-- again from it. Like everything here but the counts, only the server writes them.
alter table public.usage_logs
  add column assistant text
    constraint usage_logs_assistant_check check (char_length(assistant) <= 64),
  add column assistant_version text
    constraint usage_logs_assistant_version_check check (char_length(assistant_version) <= 64),
  add column plan text
    constraint usage_logs_plan_check check (char_length(plan) <= 64),
  add column prices jsonb
    constraint usage_logs_prices_check check (octet_length(prices::text) <= 65536);

-- Everything that the statistics read, so that they never touch the table.
drop index public.usage_logs_user_created_idx;
create index usage_logs_user_created_idx on public.usage_logs (user_id, created_at, id)
  include (operation, provider, model, input_tokens, output_tokens, cached_input_tokens,
    reasoning_tokens, cost_usd, latency_ms, time_to_first_token_ms, status, error_code, assistant,
    plan);

-- What of a plan's money counts while the lease lasts.
alter table private.token_reservations
  add column usd numeric not null default 0
    constraint token_reservations_usd_check check (usd >= 0);

---------------------------------------------------------------------------------------- budgets

-- What counts against budgets, [{period, limit_usd}] with the period "day" or "month", but for one run:
-- [{period, limit_usd, used_usd, reserved_usd, remaining_usd, resets_at}]; null without budgets.
create function private.budgets(p_user_id uuid, p_budgets jsonb, p_except uuid default null)
  returns jsonb
  language plpgsql stable security definer set search_path = '' as $$
declare
  v_now constant timestamptz := clock_timestamp();
begin
  if coalesce(jsonb_typeof(p_budgets), 'null') <> 'array' then
    return null;
  end if;
  perform private.require_caller(p_user_id);
  -- One statement, so that a run that is being settled counts once.
  return (
    select jsonb_agg(jsonb_build_object('period', b.period, 'limit_usd', b.limit_usd,
        'used_usd', c.used, 'reserved_usd', c.reserved,
        -- What is no number leaves nothing: it is greater than any limit.
        'remaining_usd',
        coalesce(nullif(greatest(b.limit_usd - c.used - c.reserved, 0), 'NaN'), 0),
        'resets_at', case b.period when 'day' then b.began + interval '24 hours'
          else (b.began at time zone 'UTC' + interval '1 month') at time zone 'UTC' end)
        order by b.place)
      from (
        select e.place, e.budget ->> 'period' as period,
            (e.budget ->> 'limit_usd')::numeric as limit_usd,
            date_trunc(e.budget ->> 'period', v_now, 'UTC') as began
          from jsonb_array_elements(p_budgets) with ordinality e (budget, place)
          where e.budget ->> 'period' in ('day', 'month')
      ) b
      cross join lateral (
        select coalesce(sum(s.usd) filter (where not s.is_reserved), 0) as used,
            coalesce(sum(s.usd) filter (where s.is_reserved), 0) as reserved
          from (
            select false as is_reserved, u.cost_usd as usd
              from public.usage_logs u
              where u.user_id = p_user_id and u.created_at >= b.began
            union all
            select r.lease_expires_at >= v_now,
                case when r.lease_expires_at >= v_now
                  then greatest(r.usd, (r.log ->> 'cost_usd')::numeric)
                  else greatest((r.log ->> 'cost_usd')::numeric, 0) end
              from private.token_reservations r
              where r.user_id = p_user_id and r.lease_expires_at >= b.began
                and r.run_id is distinct from p_except
          ) s
      ) c);
end;
$$;

-- The caller's budgets as they are: see private.budgets.
create function public.budgets(p_budgets jsonb, p_user_id uuid default auth.uid()) returns jsonb
  language sql stable set search_path = ''
  as $$ select private.budgets(private.acting_user(p_user_id), p_budgets) $$;

-- Reserves for a run, in the place of what it had reserved: p_tokens and p_usd, and of the output as many
-- tokens as are wanted, or as are left of the day and of all budgets if those are at least p_minimum.
-- p_reserve has {limit, budgets, usd_per_output_token}. Answers {tokens, output_tokens} and, with budgets,
-- {usd, budgets}: what counted before; null if there is not enough.
create function private.reserve_run(
  p_user_id uuid, p_run_id uuid, p_reserve jsonb, p_tokens bigint, p_usd numeric, p_output bigint,
  p_minimum bigint
) returns jsonb
  language plpgsql security definer set search_path = '' as $$
declare
  v_per_token constant numeric :=
    greatest(0, coalesce((p_reserve ->> 'usd_per_output_token')::numeric, 0));
  v_budgets jsonb;
  v_left numeric;
  v_output numeric;
  v_usd numeric;
begin
  perform private.require_caller(p_user_id);
  -- One at a time for each user, on any number of replicas.
  perform pg_advisory_xact_lock(hashtextextended('daily_tokens ' || p_user_id, 0));
  perform private.count_lapsed(p_user_id);
  v_budgets := private.budgets(p_user_id, p_reserve -> 'budgets', p_run_id);
  v_left := (select min((b ->> 'remaining_usd')::numeric) from jsonb_array_elements(v_budgets) b);
  v_output := least(p_output::numeric,
    (private.daily_tokens(p_user_id, (p_reserve ->> 'limit')::bigint, p_run_id)
      ->> 'remaining')::numeric - p_tokens,
    case when v_per_token > 0 then div(v_left - p_usd, v_per_token) end);
  if v_output is null or v_output < p_minimum or v_left < p_usd then
    return null;
  end if;
  v_usd := greatest(0, coalesce(p_usd, 0) + v_output * v_per_token);
  insert into private.token_reservations as r (run_id, user_id, tokens, usd)
    values (p_run_id, p_user_id, greatest(p_tokens + v_output, 0), v_usd)
    on conflict (run_id) do update
      set tokens = excluded.tokens, usd = excluded.usd, lease_expires_at = excluded.lease_expires_at
      where r.user_id = excluded.user_id;
  return jsonb_build_object('tokens', p_tokens + v_output, 'output_tokens', v_output)
    || case when v_budgets is null then '{}'
         else jsonb_build_object('usd', v_usd, 'budgets', v_budgets) end;
end;
$$;

-- Reserves for an answer. p_reserve is {limit, budgets, input_tokens, overhead_tokens, max_input_tokens,
-- output_tokens, min_output_tokens, usd_per_input_token, usd_per_output_token}: what the server sends
-- besides the history, which is estimated here, what providers may add to it, how much a model can read at
-- the most, the output cap, which may be lowered to what is left but not below the minimum, and prices.
-- Money is reserved for the most that the input can be, a token for each byte, where the estimate counts one
-- for four. Answers as private.reserve_run.
create or replace function private.reserve_for_answer(
  p_user_id uuid, p_run_id uuid, p_reserve jsonb, p_history_tokens bigint
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_sent constant bigint := p_history_tokens + coalesce((p_reserve ->> 'input_tokens')::bigint, 0)
    + coalesce((p_reserve ->> 'overhead_tokens')::bigint, 0);
  v_input constant bigint :=
    greatest(0, least((p_reserve ->> 'max_input_tokens')::bigint, v_sent));
  v_most constant numeric :=
    greatest(0, least((p_reserve ->> 'max_input_tokens')::bigint, 4 * v_sent::numeric + 4));
  v_output constant bigint := greatest(0, (p_reserve ->> 'output_tokens')::bigint);
begin
  return private.reserve_run(p_user_id, p_run_id, p_reserve, v_input,
    v_most * greatest(0, coalesce((p_reserve ->> 'usd_per_input_token')::numeric, 0)), v_output,
    least(v_output, (p_reserve ->> 'min_output_tokens')::bigint));
end;
$$;

-- Reserves for a run what it needs in all from here on, {limit, budgets, tokens, usd}: whether there is
-- enough.
create function private.reserve_more(p_user_id uuid, p_run_id uuid, p_reserve jsonb) returns boolean
  language plpgsql set search_path = '' as $$
begin
  return private.reserve_run(p_user_id, p_run_id, p_reserve,
    greatest(0, coalesce((p_reserve ->> 'tokens')::bigint, 0)),
    greatest(0, coalesce((p_reserve ->> 'usd')::numeric, 0)), 0, 0) is not null;
end;
$$;

-- Why there is no answer: {limit, used, reserved, remaining, resets_at, retry_after_s} and, where money is
-- what is missing, "budget": the one that has the least left, with retry_after_s.
create or replace function private.over_limit(p_user_id uuid, p_reserve jsonb) returns jsonb
  language plpgsql volatile set search_path = '' as $$
declare
  v_now constant timestamptz := clock_timestamp();
  v_day constant jsonb :=
    private.daily_tokens(p_user_id, coalesce((p_reserve ->> 'limit')::bigint, 0));
  v_needed constant numeric := coalesce((p_reserve ->> 'tokens')::numeric,
    coalesce((p_reserve ->> 'input_tokens')::numeric, 0)
      + coalesce((p_reserve ->> 'overhead_tokens')::numeric, 0)
      + coalesce((p_reserve ->> 'min_output_tokens')::numeric, 0));
  v_budget jsonb;
begin
  if p_reserve ->> 'limit' is null or (v_day ->> 'remaining')::numeric >= v_needed then
    v_budget := (
      select b from jsonb_array_elements(private.budgets(p_user_id, p_reserve -> 'budgets')) b
        order by (b ->> 'remaining_usd')::numeric limit 1);
  end if;
  return v_day || jsonb_build_object('retry_after_s',
      ceil(extract(epoch from (v_day ->> 'resets_at')::timestamptz - v_now)))
    || case when v_budget is null then '{}'
         else jsonb_build_object('budget', v_budget || jsonb_build_object('retry_after_s',
           ceil(extract(epoch from (v_budget ->> 'resets_at')::timestamptz - v_now)))) end;
end;
$$;

-- What is known of a run when it begins, for the row of usage_logs that counts if it is never heard of again.
create function private.run_log(p_reserve jsonb, p_input_tokens bigint) returns jsonb
  language sql immutable set search_path = ''
  as $$
    select jsonb_strip_nulls(jsonb_build_object('input_tokens', p_input_tokens,
      'cost_usd', p_input_tokens * (p_reserve ->> 'usd_per_input_token')::numeric,
      'assistant', p_reserve -> 'assistant', 'assistant_version', p_reserve -> 'assistant_version',
      'plan', p_reserve -> 'plan'))
  $$;

-- Opens the run of an answer and reserves what a limit wants reserved; the exception undoes what was
-- written for it. p_reserve may have no limit: then it only says what is sent besides the history.
create or replace function private.reserve_or_raise(p_answer public.messages, p_reserve jsonb)
  returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_history constant bigint := (p_answer.usage ->> 'input_tokens')::bigint;
  v_reserved jsonb;
begin
  if p_reserve ->> 'limit' is not null or p_reserve ->> 'budgets' is not null then
    v_reserved :=
      private.reserve_for_answer(p_answer.user_id, p_answer.run_id, p_reserve, v_history);
    if v_reserved is null then
      raise exception 'the limit is reached' using errcode = 'CB429';
    end if;
  end if;
  perform private.open_run(p_answer.user_id, p_answer.run_id, jsonb_build_object(
      'operation', 'chat', 'model', p_answer.model, 'chat_id', p_answer.chat_id,
      'message_id', p_answer.id)
    || private.run_log(p_reserve, v_history + coalesce((p_reserve ->> 'input_tokens')::bigint, 0)),
    p_reserve ->> 'server');
  return v_reserved;
end;
$$;

-- Opens a run that belongs to no chat and reserves for it: all of it as in begin_generation's p_reserve,
-- nothing without a limit. Answers {"answer": "started", "reserved"} or {"answer": "over_limit",
-- "over_limit"}.
create or replace function public.reserve_tokens(
  p_run uuid, p_reserve jsonb, p_user_id uuid default auth.uid()
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
  v_run_id constant uuid := private.run_id(p_run);
  v_reserved jsonb;
begin
  if p_reserve ->> 'limit' is not null or p_reserve ->> 'budgets' is not null then
    v_reserved := private.reserve_for_answer(v_user, v_run_id, p_reserve, 0);
    if v_reserved is null then
      return jsonb_build_object('answer', 'over_limit',
        'over_limit', private.over_limit(v_user, p_reserve));
    end if;
  end if;
  perform private.open_run(v_user, v_run_id, jsonb_build_object('operation', 'generate')
    || private.run_log(p_reserve, coalesce((p_reserve ->> 'input_tokens')::bigint, 0)),
    p_reserve ->> 'server');
  return jsonb_build_object('answer', 'started', 'reserved', v_reserved);
end;
$$;

-- Renews the lease of a run. p_used is what it has used so far, with the provider, the model and the
-- price where they are known, p_reserve what it needs in all from here on (private.reserve_more). False if
-- there is not enough left.
create or replace function private.renew_reservation(
  p_user_id uuid, p_run_id uuid, p_used jsonb, p_reserve jsonb
) returns boolean
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  if p_reserve is not null and not private.reserve_more(p_user_id, p_run_id, p_reserve) then
    return false;
  end if;
  update private.token_reservations
    set used_tokens = greatest(used_tokens, coalesce((p_used ->> 'input_tokens')::bigint, 0)
          + coalesce((p_used ->> 'output_tokens')::bigint, 0)),
        log = log || coalesce(p_used, '{}'),
        lease_expires_at = clock_timestamp() + private.lease()
    where run_id = p_run_id and user_id = p_user_id;
  return true;
end;
$$;

-- One checkpoint: see save_checkpoints; of its "reserve", see private.reserve_more. Waits for nobody who may
-- take long, because others may be saved in the same transaction: what is locked is answered as busy.
create or replace function private.save_checkpoint(c jsonb) returns jsonb
  language plpgsql security definer set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user((c ->> 'user_id')::uuid);
  v_run_id constant uuid := private.run_id((c ->> 'run')::uuid);
  v_number constant integer := (c ->> 'number')::integer;
  r private.token_reservations;
  m public.messages;
  v_reply jsonb;
begin
  perform private.require_caller(v_user);
  select * into r from private.token_reservations
    where run_id = v_run_id and user_id = v_user for update skip locked;
  if not found and exists (
    select 1 from private.token_reservations where run_id = v_run_id and user_id = v_user
  ) then
    return jsonb_build_object('busy', true);
  end if;
  select * into m from public.messages
    where id = (r.log ->> 'message_id')::uuid and run_id = v_run_id and user_id = v_user;
  -- What was sent before the last one and came late brings nothing.
  if m.status = 'streaming' and v_number >= r.checkpoint then
    -- What was sent in vain, as far as its sender knows, is in this one.
    delete from private.answer_pieces
      where run_id = v_run_id and checkpoint > (c ->> 'after')::integer;
    insert into private.answer_pieces (run_id, checkpoint, part_index, text_offset, text, part)
      select v_run_id, v_number, d.index, coalesce(d.at, 0), coalesce(d.text, ''), d.part
        from jsonb_to_recordset(c -> 'delta') as d (index integer, at integer, text text, part jsonb);
    if m.replaces is not null and exists (
      select 1 from private.answer_pieces
        where run_id = v_run_id and part ->> 'type' <> 'step-start'
    ) then
      -- The next one does it where the chat is locked.
      perform 1 from public.chats
        where id = m.chat_id and user_id = v_user for no key update skip locked;
      if found then
        perform private.take_place(m);
      end if;
    end if;
  end if;
  update private.token_reservations
    set checkpoint = greatest(checkpoint, v_number),
        used_tokens = greatest(used_tokens, coalesce((c -> 'used' ->> 'input_tokens')::bigint, 0)
          + coalesce((c -> 'used' ->> 'output_tokens')::bigint, 0)),
        log = case when v_number >= r.checkpoint then log || coalesce(c -> 'used', '{}') else log end,
        lease_expires_at = clock_timestamp() + private.lease()
    where run_id = v_run_id and user_id = v_user;
  v_reply := jsonb_build_object('owned', coalesce(m.status = 'streaming', false),
    -- An answer without its question is wanted by nobody.
    'stop_requested', m.stop_requested_at is not null or (m.id is not null and m.parent_id is null));
  if c -> 'reserve' is not null
     and not private.reserve_more(v_user, v_run_id, c -> 'reserve') then
    v_reply := v_reply
      || jsonb_build_object('over_limit', private.over_limit(v_user, c -> 'reserve'));
  end if;
  return v_reply;
end;
$$;

------------------------------------------------------------------------------------------ usage

-- Inserts the usage of one run. A report replaces an estimate, and so does what the run itself says last;
-- the estimate of a lapsed run, whose error is 'interrupted', only if it is higher: a user may have written
-- what it is taken from.
-- Security definer because users may append to usage_logs but never change it.
create or replace function private.record_usage(
  p_user_id uuid, p_run_id uuid, p_chat_id uuid, p_message_id uuid, p_log jsonb
) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  if p_user_id is null
     or (auth.role() is distinct from 'service_role' and p_user_id is distinct from auth.uid()) then
    raise exception 'not the caller''s usage' using errcode = '42501';
  end if;
  insert into public.usage_logs as u (
    id, user_id, chat_id, message_id, operation, provider, model, input_tokens, output_tokens,
    cached_input_tokens, cache_write_input_tokens, reasoning_tokens, usage_source, cost_usd,
    latency_ms, time_to_first_token_ms, status, error_code, raw, assistant, assistant_version, plan,
    prices)
  values (
    p_run_id, p_user_id,
    (select c.id from public.chats c where c.id = p_chat_id and c.user_id = p_user_id),
    (select m.id from public.messages m
      where m.id = p_message_id and m.chat_id = p_chat_id and m.user_id = p_user_id),
    p_log ->> 'operation', p_log ->> 'provider', p_log ->> 'model',
    coalesce((p_log ->> 'input_tokens')::bigint, 0),
    coalesce((p_log ->> 'output_tokens')::bigint, 0),
    coalesce((p_log ->> 'cached_input_tokens')::bigint, 0),
    coalesce((p_log ->> 'cache_write_input_tokens')::bigint, 0),
    coalesce((p_log ->> 'reasoning_tokens')::bigint, 0),
    p_log ->> 'usage_source', (p_log ->> 'cost_usd')::numeric,
    (p_log ->> 'latency_ms')::bigint, (p_log ->> 'time_to_first_token_ms')::bigint,
    p_log ->> 'status', p_log ->> 'error_code', p_log -> 'raw', p_log ->> 'assistant',
    p_log ->> 'assistant_version', p_log ->> 'plan', p_log -> 'prices')
  on conflict (id) do update set
    provider = excluded.provider, model = excluded.model,
    input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
    cached_input_tokens = excluded.cached_input_tokens,
    cache_write_input_tokens = excluded.cache_write_input_tokens,
    reasoning_tokens = excluded.reasoning_tokens, usage_source = excluded.usage_source,
    cost_usd = excluded.cost_usd, latency_ms = excluded.latency_ms,
    time_to_first_token_ms = excluded.time_to_first_token_ms, status = excluded.status,
    error_code = excluded.error_code, raw = excluded.raw, assistant = excluded.assistant,
    assistant_version = excluded.assistant_version, plan = excluded.plan, prices = excluded.prices
  where u.user_id = excluded.user_id and u.usage_source = 'estimated'
    and (excluded.usage_source <> 'estimated' or excluded.error_code is distinct from 'interrupted'
      or excluded.input_tokens + excluded.output_tokens > u.input_tokens + u.output_tokens);
end;
$$;

-- What the caller has used: at most 10,000 buckets in all groups together. What belongs to no assistant or
-- plan is in the group null.
create or replace function public.usage_statistics(
  p_from timestamptz default null,
  p_to timestamptz default null,
  p_interval text default 'day',
  p_group_by text default 'none',
  p_time_zone text default 'UTC',
  p_daily_token_limit bigint default null,
  p_user_id uuid default auth.uid()
) returns jsonb
  language plpgsql stable set search_path = ''
  -- The rows of one user lie together in the index; there are far fewer buckets than the planner
  -- fears.
  set work_mem = '64MB' set random_page_cost = 1.1 set enable_sort = off set jit = off as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
  v_to constant timestamptz := coalesce(p_to, clock_timestamp());
  v_from constant timestamptz := coalesce(p_from, v_to - interval '720 hours');
  v_starts constant timestamptz[] := private.bucket_starts(v_from, v_to, p_interval, p_time_zone);
  v_totals jsonb;
  v_series jsonb;
  v_latency double precision[];
  v_first_token double precision[];
begin
  if p_group_by is null or p_group_by not in ('none', 'model', 'provider', 'operation', 'assistant',
      'plan') then
    raise exception 'group "%" not recognized', p_group_by using errcode = '22023';
  end if;
  with cells as materialized (
    -- (select v_starts) is evaluated once, v_starts would be unpacked for every row.
    select width_bucket(u.created_at, (select v_starts)) as bucket,
        case p_group_by when 'model' then u.model when 'provider' then u.provider
          when 'operation' then u.operation when 'assistant' then coalesce(u.assistant, '')
          when 'plan' then coalesce(u.plan, '') else '' end as name,
        count(*) as requests,
        count(*) filter (where u.error_code is not null or u.status = 'failed') as errors,
        sum(u.input_tokens) as input, sum(u.output_tokens) as output,
        sum(u.cached_input_tokens) as cached, sum(u.reasoning_tokens) as reasoning,
        count(u.cost_usd) as priced, sum(u.cost_usd) as cost
      from public.usage_logs u
      where u.user_id = v_user and u.created_at >= v_from and u.created_at < v_to
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
    where u.user_id = v_user and u.created_at >= v_from and u.created_at < v_to;
  return jsonb_build_object('from', v_from, 'to', v_to, 'interval', p_interval,
    'totals', v_totals, 'latency_ms', private.percentiles_json(v_latency),
    'time_to_first_token_ms', private.percentiles_json(v_first_token),
    'series', coalesce(v_series, '[]'),
    'daily_tokens', private.daily_tokens(v_user, p_daily_token_limit));
end;
$$;

------------------------------------------------------------------------------------------ chats

-- As before: the columns that these return are those that there were when they were made.
create or replace function public.search_chats(q text) returns setof public.chats
  language sql stable
  begin atomic
    select c.*
      from public.chats c
      where strpos(lower(c.title), lower(q)) > 0
        or c.id in (
          select m.chat_id
            from public.messages m
            where m.is_active and strpos(lower(public.current_content(m)), lower(q)) > 0
        );
  end;

create or replace function public.toggle_chat(p_chat_id uuid, p_column text) returns setof public.chats
  language sql
  begin atomic
    update public.chats c
      set is_archived = case p_column when 'is_archived' then not c.is_archived else c.is_archived end,
          is_bookmarked = case p_column when 'is_bookmarked' then not c.is_bookmarked else c.is_bookmarked end
      where c.id = p_chat_id
      returning c.*;
  end;

--------------------------------------------------------------------------------------------- grants

revoke execute on function private.budgets(uuid, jsonb, uuid) from public, anon;
revoke execute on function private.reserve_run(uuid, uuid, jsonb, bigint, numeric, bigint, bigint)
  from public, anon;
revoke execute on function private.reserve_more(uuid, uuid, jsonb) from public, anon;
revoke execute on function private.run_log(jsonb, bigint) from public, anon;
grant execute on function private.budgets(uuid, jsonb, uuid) to authenticated, service_role;
grant execute on function private.reserve_run(uuid, uuid, jsonb, bigint, numeric, bigint, bigint)
  to authenticated, service_role;
grant execute on function private.reserve_more(uuid, uuid, jsonb) to authenticated, service_role;
grant execute on function private.run_log(jsonb, bigint) to authenticated, service_role;

revoke execute on function public.budgets(jsonb, uuid) from public, anon;
grant execute on function public.budgets(jsonb, uuid) to authenticated, service_role;
