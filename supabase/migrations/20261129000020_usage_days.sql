-- What all users have used on days that are over, summed up, so that a month of them is read from some thousand
-- rows. ARCHITECTURE.md ("Statistics") says how it stays true.

------------------------------------------------------------------------------------------- tables

-- The sums of a day in UTC by what they can be grouped by. Of "latency_ms" and "time_to_first_token_ms" the
-- name is private.rounded_ms.
create table private.usage_days (
  kind text not null,
  day date not null,
  name text not null,
  requests bigint not null,
  errors bigint not null,
  input_tokens numeric not null,
  output_tokens numeric not null,
  cached_input_tokens numeric not null,
  reasoning_tokens numeric not null,
  priced bigint not null,
  cost_usd numeric not null,
  primary key (kind, day, name)
);

-- The days that were looked at, and whether it has all of their rows: of days with too many it has none.
create table private.summed_days (
  day date primary key,
  is_summed boolean not null
);

alter table private.usage_days enable row level security;
alter table private.summed_days enable row level security;
revoke all on private.usage_days from public, anon, authenticated;
revoke all on private.summed_days from public, anon, authenticated;
grant select on private.usage_days to service_role;
grant select on private.summed_days to service_role;

----------------------------------------------------------------------------------------- summing

-- Milliseconds to three digits, so that there are few of them.
create function private.rounded_ms(p_ms bigint) returns bigint
  language sql immutable parallel safe
  return case when p_ms < 1000 then p_ms when p_ms < 10000 then p_ms / 10 * 10
    when p_ms < 100000 then p_ms / 100 * 100 when p_ms < 1000000 then p_ms / 1000 * 1000
    else p_ms / 10000 * 10000 end;

-- Sums up days that have been over for an hour, the newest first, for at most so long; none of those of which
-- somebody is writing a row. Nobody waits for it.
create function private.sum_up_days(p_time interval) returns void
  language plpgsql security definer set search_path = '' set work_mem = '64MB' as $$
declare
  v_until constant timestamptz := clock_timestamp() + p_time;
  v_oldest constant date := (clock_timestamp() at time zone 'UTC')::date - 400;
  v_day date := ((clock_timestamp() - interval '1 hour') at time zone 'UTC')::date;
  v_is_summed boolean;
begin
  if not pg_try_advisory_xact_lock(20261129, 0) then
    return;
  end if;
  loop
    v_day := (
      select (u.created_at at time zone 'UTC')::date from public.usage_logs u
        where u.created_at at time zone 'UTC' < v_day::timestamp
        order by u.created_at at time zone 'UTC' desc limit 1);
    exit when v_day is null or v_day < v_oldest or clock_timestamp() > v_until;
    continue when exists (select 1 from private.summed_days d where d.day = v_day)
      or not pg_try_advisory_xact_lock(20261128, v_day - date '2000-01-01');
    -- What is summed up has to be so before the statement's time is over.
    insert into private.summed_days
      select v_day, count(*) <= 500000
        from (
          select from public.usage_logs u
            where u.created_at at time zone 'UTC' >= v_day::timestamp
              and u.created_at at time zone 'UTC' < (v_day + 1)::timestamp
            limit 500001
        ) s
      returning is_summed into v_is_summed;
    continue when not v_is_summed;
    insert into private.usage_days
      select case when grouping(s.user_id) = 0 then 'user' when grouping(s.model) = 0 then 'model'
            when grouping(s.provider) = 0 then 'provider' when grouping(s.operation) = 0 then 'operation'
            when grouping(s.assistant) = 0 then 'assistant' when grouping(s.plan) = 0 then 'plan'
            when grouping(s.latency) = 0 then 'latency_ms' else 'time_to_first_token_ms' end,
          v_day,
          coalesce(s.user_id::text, s.model, s.provider, s.operation, s.assistant, s.plan,
            s.latency::text, s.first_token::text),
          count(*), count(*) filter (where s.is_error), sum(s.input_tokens), sum(s.output_tokens),
          sum(s.cached_input_tokens), sum(s.reasoning_tokens), count(s.cost_usd),
          coalesce(sum(s.cost_usd), 0)
        from (
          select u.user_id, u.model, u.provider, u.operation, coalesce(u.assistant, '') as assistant,
              coalesce(u.plan, '') as plan, private.rounded_ms(u.latency_ms) as latency,
              private.rounded_ms(u.time_to_first_token_ms) as first_token,
              u.error_code is not null or u.status = 'failed' as is_error, u.input_tokens,
              u.output_tokens, u.cached_input_tokens, u.reasoning_tokens, u.cost_usd
            from public.usage_logs u
            where u.created_at at time zone 'UTC' >= v_day::timestamp
              and u.created_at at time zone 'UTC' < (v_day + 1)::timestamp
        ) s
        group by grouping sets (s.user_id, s.model, s.provider, s.operation, s.assistant, s.plan,
          s.latency, s.first_token)
        having grouping(s.latency) + grouping(s.first_token) = 2
          or s.latency is not null or s.first_token is not null;
  end loop;
end;
$$;

-- Adds a row to the sums of its day, or takes it out of them.
create function private.add_to_day(u public.usage_logs, p_sign integer) returns void
  language plpgsql security definer set search_path = '' as $$
declare
  v_day constant date := (u.created_at at time zone 'UTC')::date;
begin
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
      from (values ('user', u.user_id::text), ('model', u.model), ('provider', u.provider),
        ('operation', u.operation), ('assistant', coalesce(u.assistant, '')),
        ('plan', coalesce(u.plan, '')), ('latency_ms', private.rounded_ms(u.latency_ms)::text),
        ('time_to_first_token_ms', private.rounded_ms(u.time_to_first_token_ms)::text)
      ) k (kind, name)
      where k.name is not null
    on conflict (kind, day, name) do update set
      requests = d.requests + excluded.requests, errors = d.errors + excluded.errors,
      input_tokens = d.input_tokens + excluded.input_tokens,
      output_tokens = d.output_tokens + excluded.output_tokens,
      cached_input_tokens = d.cached_input_tokens + excluded.cached_input_tokens,
      reasoning_tokens = d.reasoning_tokens + excluded.reasoning_tokens,
      priced = d.priced + excluded.priced, cost_usd = d.cost_usd + excluded.cost_usd;
  if p_sign < 0 then
    delete from private.usage_days d where d.day = v_day and d.requests = 0
      and (d.kind, d.name) in (('user', u.user_id::text), ('model', u.model),
        ('provider', u.provider), ('operation', u.operation),
        ('assistant', coalesce(u.assistant, '')), ('plan', coalesce(u.plan, '')),
        ('latency_ms', private.rounded_ms(u.latency_ms)::text),
        ('time_to_first_token_ms', private.rounded_ms(u.time_to_first_token_ms)::text));
  end if;
end;
$$;

-- Keeps the sums of days that are over: usage that is recorded late or anew, and rows that are deleted.
create function private.keep_day() returns trigger
  language plpgsql security definer set search_path = '' as $$
begin
  if tg_op <> 'INSERT' then
    perform private.add_to_day(old, -1);
  end if;
  if tg_op <> 'DELETE' then
    perform private.add_to_day(new, 1);
  end if;
  return null;
end;
$$;

create trigger usage_logs_days after insert or delete or update of user_id, created_at, operation, provider, model,
    input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, cost_usd, latency_ms,
    time_to_first_token_ms, status, error_code, assistant, plan on public.usage_logs
  for each row execute function private.keep_day();

-- Records the usage of a user's lapsed runs, of everybody's for the service role without a user; how
-- many there were. For the service role also sums up days that are over.
create or replace function private.count_lapsed(p_user_id uuid) returns bigint
  language plpgsql security definer set search_path = '' as $$
declare
  r private.token_reservations;
  v_counted bigint := 0;
begin
  if p_user_id is not null or auth.role() is distinct from 'service_role' then
    perform private.require_caller(p_user_id);
  end if;
  for r in
    select * from private.token_reservations l
      where l.lease_expires_at < clock_timestamp() and (p_user_id is null or l.user_id = p_user_id)
      order by l.lease_expires_at limit 1000 for update skip locked
  loop
    perform private.end_lapsed_row(r);
    delete from private.token_reservations where run_id = r.run_id;
    perform private.record_lapsed_run(r);
    v_counted := v_counted + 1;
  end loop;
  if p_user_id is null then
    perform private.sum_up_days(interval '2 seconds');
  end if;
  return v_counted;
end;
$$;

-- Some of what there is already; the server sums up the rest, a little each minute. Not all of it here, because
-- usage cannot be recorded meanwhile.
do $$
begin
  perform private.sum_up_days(interval '5 seconds');
end;
$$;

----------------------------------------------------------------------------------------- reading

-- Percentiles of values that occur so often.
create function private.weighted_percentiles(p_values bigint[], p_counts bigint[])
  returns double precision[]
  language sql immutable set search_path = '' as $$
    with counted as (
      select v.value, sum(v.count) over (order by v.value) as upto
        from unnest(p_values, p_counts) v (value, count)
    ), places as (
      select fraction, fraction * ((select max(upto) from counted)::double precision - 1) as place
        from unnest(array[0.5, 0.95, 0.99]::double precision[]) fraction
    ), around as (
      select fraction, place - floor(place) as part,
          (select min(value) from counted where upto > floor(place))::double precision as low,
          (select min(value) from counted where upto > ceil(place))::double precision as high
        from places
    )
    select array_agg(low + part * (high - low) order by fraction) from around
  $$;

-- What these days, in their order, leave of a time.
create function private.time_between(p_days date[], p_from timestamptz, p_to timestamptz)
  returns table (starts timestamp, ends timestamp)
  language sql stable set search_path = '' as $$
    select g.starts, g.ends
      from (
        select coalesce((lag(d.day) over (order by d.day) + 1)::timestamp, p_from at time zone 'UTC'),
            d.day::timestamp
          from unnest(p_days) d (day)
        union all
        select coalesce((p_days[cardinality(p_days)] + 1)::timestamp, p_from at time zone 'UTC'),
            p_to at time zone 'UTC'
      ) g (starts, ends)
      where g.starts < g.ends
  $$;

-- What all users have used, for p_operator; otherwise as usage_statistics, but percentiles are those of times to
-- three digits. p_group_by may be user. Days in UTC that are summed up are read from their sums where they lie in
-- one bucket, everything else from the rows.
create or replace function public.usage_of_all_users(
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
  v_kind constant text := case p_group_by when 'none' then 'operation' else p_group_by end;
  v_days date[];
  v_whole date[];
  v_buckets integer[];
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
  -- A stable function has one snapshot: what is summed up now is so for all that follows.
  select array_agg(d.day order by d.day),
      array_agg(d.day order by d.day) filter (where d.first = d.last),
      array_agg(d.first order by d.day) filter (where d.first = d.last)
    into v_days, v_whole, v_buckets
    from (
      select s.day, width_bucket(s.day::timestamp at time zone 'UTC', v_starts) as first,
          width_bucket((s.day + 1)::timestamp at time zone 'UTC' - interval '1 microsecond', v_starts)
            as last
        from private.summed_days s
        where s.is_summed and s.day::timestamp at time zone 'UTC' >= v_from
          and (s.day + 1)::timestamp at time zone 'UTC' <= v_to
    ) d;
  with cells as materialized (
    select c.bucket, c.name, sum(c.requests) as requests, sum(c.errors) as errors,
        sum(c.input) as input, sum(c.output) as output, sum(c.cached) as cached,
        sum(c.reasoning) as reasoning, sum(c.priced) as priced, sum(c.cost) as cost
      from (
        select b.bucket, case p_group_by when 'none' then '' else d.name end as name, d.requests,
            d.errors, d.input_tokens as input, d.output_tokens as output,
            d.cached_input_tokens as cached, d.reasoning_tokens as reasoning, d.priced,
            d.cost_usd as cost
          from unnest(v_whole, v_buckets) b (day, bucket)
          join private.usage_days d on d.kind = v_kind and d.day = b.day
        union all
        (select width_bucket(u.created_at, (select v_starts)),
            case p_group_by when 'model' then u.model when 'provider' then u.provider
              when 'operation' then u.operation when 'assistant' then coalesce(u.assistant, '')
              when 'plan' then coalesce(u.plan, '') when 'user' then u.user_id::text else '' end,
            count(*), count(*) filter (where u.error_code is not null or u.status = 'failed'),
            sum(u.input_tokens), sum(u.output_tokens), sum(u.cached_input_tokens),
            sum(u.reasoning_tokens), count(u.cost_usd), sum(u.cost_usd)
          from private.time_between(v_whole, v_from, v_to) g
          join public.usage_logs u on u.created_at at time zone 'UTC' >= g.starts
            and u.created_at at time zone 'UTC' < g.ends
          group by 1, 2)
      ) c
      group by 1, 2
  ), names as (
    select distinct name from cells union select '' where p_group_by = 'none'
  ), buckets as materialized (
    select bucket, private.local_text(start, p_time_zone) as label
      from unnest(v_starts) with ordinality as starts (start, bucket)
  )
  select
      (select private.usage_json(sum(requests), sum(errors), sum(input), sum(output), sum(cached),
        sum(reasoning), sum(priced), sum(cost)) from cells),
      (select jsonb_agg(
          jsonb_build_object('bucket', s.label, 'group', nullif(n.name, ''))
            || private.usage_json(c.requests, c.errors, c.input, c.output, c.cached, c.reasoning,
              c.priced, c.cost)
          order by s.bucket, n.name collate "C")
        from buckets s
          cross join names n
          left join cells c on c.bucket = s.bucket and c.name = n.name
        where (select count(*) from names) * cardinality(v_starts) <= 10000)
    into v_totals, v_series;
  if v_series is null and (v_totals ->> 'requests')::numeric > 0 then
    raise exception 'more than 10000 buckets in all groups' using errcode = '22023';
  end if;
  with times as materialized (
    select t.kind, t.ms, sum(t.count)::bigint as count
      from (
        select d.kind, d.name::bigint as ms, d.requests as count
          from unnest(v_days) b (day)
          join private.usage_days d
            on d.kind in ('latency_ms', 'time_to_first_token_ms') and d.day = b.day
        union all
        (select k.kind, private.rounded_ms(k.ms), count(*)
          from private.time_between(v_days, v_from, v_to) g
          join public.usage_logs u on u.created_at at time zone 'UTC' >= g.starts
            and u.created_at at time zone 'UTC' < g.ends
          cross join lateral (values ('latency_ms', u.latency_ms),
            ('time_to_first_token_ms', u.time_to_first_token_ms)) k (kind, ms)
          where k.ms is not null
          group by 1, 2)
      ) t
      group by 1, 2
  )
  select (select private.weighted_percentiles(array_agg(ms), array_agg(count)) from times
        where kind = 'latency_ms'),
      (select private.weighted_percentiles(array_agg(ms), array_agg(count)) from times
        where kind = 'time_to_first_token_ms')
    into v_latency, v_first_token;
  return jsonb_build_object('from', v_from, 'to', v_to, 'interval', p_interval,
    'totals', v_totals, 'latency_ms', private.percentiles_json(v_latency),
    'time_to_first_token_ms', private.percentiles_json(v_first_token),
    'series', coalesce(v_series, '[]'));
end;
$$;

--------------------------------------------------------------------------------------------- grants

revoke execute on function private.rounded_ms(bigint) from public, anon;
revoke execute on function private.sum_up_days(interval) from public, anon;
revoke execute on function private.add_to_day(public.usage_logs, integer) from public, anon;
revoke execute on function private.keep_day() from public, anon;
revoke execute on function private.time_between(date[], timestamptz, timestamptz) from public, anon;
revoke execute on function private.weighted_percentiles(bigint[], bigint[]) from public, anon;
grant execute on function private.rounded_ms(bigint) to service_role;
grant execute on function private.time_between(date[], timestamptz, timestamptz) to service_role;
grant execute on function private.weighted_percentiles(bigint[], bigint[]) to service_role;
