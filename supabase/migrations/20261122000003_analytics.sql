-- Usage and chat statistics, computed where the rows are, and the intake of events.
--
-- A bucket is the time from its start to the next one's. Hours begin at the zone's full hours and
-- last as long as they last: the hour that is repeated in autumn is two buckets. Days, weeks (from
-- Monday) and months begin at the first instant of their first local day.

-- Everything that the statistics read, so that they never touch the table; its order is also the
-- order of exports.
drop index public.usage_logs_user_created_idx;
create index usage_logs_user_created_idx on public.usage_logs (user_id, created_at, id)
  include (operation, provider, model, input_tokens, output_tokens, cached_input_tokens,
    reasoning_tokens, cost_usd, latency_ms, time_to_first_token_ms, status, error_code);
drop index public.messages_user_created_idx;
create index messages_user_created_idx on public.messages (user_id, created_at)
  include (role, is_active, model);
create index chats_user_created_idx on public.chats (user_id, created_at)
  include (is_archived, is_bookmarked);

---------------------------------------------------------------------------------------- buckets

-- The first instant at which the clocks of the zone show this time, or the first after it where
-- they skip it. PostgreSQL itself takes the second of two.
create function private.local_start(p_local timestamp, p_time_zone text) returns timestamptz
  language sql stable set search_path = ''
  as $$
    select case when earlier at time zone p_time_zone = p_local then earlier else later end
      from (
        select later, later
            - (((later - interval '6 hours') at time zone p_time_zone)
              - (p_local - interval '6 hours')) as earlier
          from (select p_local at time zone p_time_zone as later) one
      ) two
  $$;

-- `2026-03-29T00:00:00+01:00`
create function private.local_text(p_at timestamptz, p_time_zone text) returns text
  language sql stable set search_path = ''
  as $$
    select to_char(local, 'YYYY-MM-DD"T"HH24:MI:SS')
        || case when minutes < 0 then '-' else '+' end
        || lpad((abs(minutes) / 60)::text, 2, '0') || ':' || lpad((abs(minutes) % 60)::text, 2, '0')
      from (
        select p_at at time zone p_time_zone as local,
          (extract(epoch from (p_at at time zone p_time_zone) - (p_at at time zone 'UTC'))
            / 60)::int as minutes
      ) shown
  $$;

-- Where the buckets of a time span begin, in order; at most 10,000.
create function private.bucket_starts(
  p_from timestamptz, p_to timestamptz, p_interval text, p_time_zone text
) returns timestamptz[]
  language plpgsql stable set search_path = '' as $$
declare
  -- No bucket is shorter than three quarters of the usual.
  v_shortest constant interval := case p_interval when 'hour' then interval '45 minutes'
    when 'day' then interval '18 hours' when 'week' then interval '126 hours'
    when 'month' then interval '504 hours' end;
  v_last constant timestamptz := p_to - interval '1 microsecond';
  v_first timestamp;
  v_starts timestamptz[];
begin
  if v_shortest is null then
    raise exception 'interval "%" not recognized', p_interval using errcode = '22023';
  elsif p_from is null or p_to is null or p_from >= p_to then
    raise exception 'the time span is empty' using errcode = '22023';
  elsif p_to - p_from > v_shortest * 14000 then
    raise exception 'more than 10000 buckets' using errcode = '22023';
  end if;
  if p_interval = 'hour' then
    -- Clocks change at quarters of an hour.
    select array_agg(at order by at) into v_starts
      from generate_series(date_trunc('hour', p_from, p_time_zone), v_last, interval '15 minutes') at
      where date_trunc('hour', at, p_time_zone)
        <> date_trunc('hour', at - interval '1 microsecond', p_time_zone);
  else
    v_first := date_trunc(p_interval, p_from at time zone p_time_zone);
    select array_agg(distinct private.local_start(local, p_time_zone)) into v_starts
      from generate_series(v_first, v_last at time zone p_time_zone,
        ('1 ' || p_interval)::interval) local;
  end if;
  -- Where clocks change by half an hour, the first may be over before the span begins.
  while cardinality(v_starts) > 1 and v_starts[2] <= p_from loop
    v_starts := v_starts[2:];
  end loop;
  if cardinality(v_starts) > 10000 then
    raise exception 'more than 10000 buckets' using errcode = '22023';
  end if;
  return v_starts;
end;
$$;

------------------------------------------------------------------------------------------ usage

-- The sums of some usage rows. Prices that are not known are counted, not added: with none known
-- the cost is null.
create function private.usage_json(
  p_requests numeric, p_errors numeric, p_input numeric, p_output numeric, p_cached numeric,
  p_reasoning numeric, p_priced numeric, p_cost numeric
) returns jsonb
  language sql immutable
  return jsonb_build_object(
    'requests', coalesce(p_requests, 0), 'errors', coalesce(p_errors, 0),
    'input_tokens', coalesce(p_input, 0), 'output_tokens', coalesce(p_output, 0),
    'cached_input_tokens', coalesce(p_cached, 0), 'reasoning_tokens', coalesce(p_reasoning, 0),
    'total_tokens', coalesce(p_input + p_output, 0),
    'cost_usd', case when p_priced = 0 and p_requests > 0 then null
      else trim_scale(coalesce(p_cost, 0)) end,
    'unpriced_requests', coalesce(p_requests - p_priced, 0));

create function private.percentiles_json(p_values double precision[]) returns jsonb
  language sql immutable
  return jsonb_build_object('p50', p_values[1], 'p95', p_values[2], 'p99', p_values[3]);

-- What the caller has used: totals, exact percentiles, and a series of buckets, empty ones too, for
-- each group. p_interval is hour, day, week or month, p_group_by none, model, provider or operation.
-- Without p_to until now, without p_from the 720 hours before. With p_daily_token_limit also what is
-- left of it today. An error is a row with an error_code or the status failed.
create function public.usage_statistics(
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
  if p_group_by is null or p_group_by not in ('none', 'model', 'provider', 'operation') then
    raise exception 'group "%" not recognized', p_group_by using errcode = '22023';
  end if;
  with cells as materialized (
    -- (select v_starts) is evaluated once, v_starts would be unpacked for every row.
    select width_bucket(u.created_at, (select v_starts)) as bucket,
        case p_group_by when 'model' then u.model when 'provider' then u.provider
          when 'operation' then u.operation else '' end as name,
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
        where (select count(*) from names) * cardinality(v_starts) <= 100000)
    into v_totals, v_series;
  if v_series is null and (v_totals ->> 'requests')::numeric > 0 then
    raise exception 'more than 100000 buckets in all groups' using errcode = '22023';
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

-- How many chats and active messages the caller has. A bound that is given narrows the counts to
-- what was created within it; the days, which need both, are the 720 hours before p_to, which is
-- now, unless they are given.
create function public.chat_statistics(
  p_from timestamptz default null,
  p_to timestamptz default null,
  p_time_zone text default 'UTC',
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
  v_starts constant timestamptz[] := private.bucket_starts(v_from, v_to, 'day', p_time_zone);
  v_counts jsonb;
  v_chats bigint;
  v_messages bigint;
  v_roles jsonb;
  v_models jsonb;
begin
  select count(*), jsonb_build_object('total_chats', count(*),
      'active_chats', count(*) filter (where not c.is_archived),
      'archived_chats', count(*) filter (where c.is_archived),
      'bookmarked_chats', count(*) filter (where c.is_bookmarked))
    into v_chats, v_counts
    from public.chats c
    where c.user_id = v_user and (p_from is null or c.created_at >= p_from)
      and (p_to is null or c.created_at < p_to);
  with counted as materialized (
    select m.role, m.model, count(*) as messages
      from public.messages m
      where m.user_id = v_user and m.is_active and (p_from is null or m.created_at >= p_from)
        and (p_to is null or m.created_at < p_to)
      group by m.role, m.model
  )
  select coalesce(sum(messages), 0),
      jsonb_build_object('user', coalesce(sum(messages) filter (where role = 'user'), 0),
        'assistant', coalesce(sum(messages) filter (where role = 'assistant'), 0),
        'system', coalesce(sum(messages) filter (where role = 'system'), 0)),
      (select coalesce(jsonb_agg(jsonb_build_object('model', model, 'messages', messages)
            order by messages desc, model collate "C"), '[]')
        from (select model, messages from counted where role = 'assistant' and model is not null
            order by messages desc, model collate "C" limit 10) top)
    into v_messages, v_roles, v_models
    from counted;
  return v_counts || jsonb_build_object(
    'total_messages', v_messages,
    'messages_by_role', v_roles,
    'average_messages_per_chat',
      case when v_chats = 0 then 0 else v_messages::double precision / v_chats end,
    'chats_by_day', (
      with days as (
        select width_bucket(c.created_at, (select v_starts)) as bucket, count(*) as count
          from public.chats c
          where c.user_id = v_user and c.created_at >= v_from and c.created_at < v_to
          group by 1)
      select jsonb_agg(jsonb_build_object('date', left(private.local_text(s.start, p_time_zone), 10),
          'count', coalesce(d.count, 0)) order by s.bucket)
        from unnest(v_starts) with ordinality as s (start, bucket) left join days d using (bucket)),
    'messages_by_day', (
      with days as (
        select width_bucket(m.created_at, (select v_starts)) as bucket, count(*) as count
          from public.messages m
          where m.user_id = v_user and m.is_active and m.created_at >= v_from and m.created_at < v_to
          group by 1)
      select jsonb_agg(jsonb_build_object('date', left(private.local_text(s.start, p_time_zone), 10),
          'count', coalesce(d.count, 0)) order by s.bucket)
        from unnest(v_starts) with ordinality as s (start, bucket) left join days d using (bucket)),
    'top_models', v_models);
end;
$$;

----------------------------------------------------------------------------------------- events

-- Stores up to 500 events, each {id, name, properties?, chat_id?, session_id?, occurred_at?}, and
-- reports on each. An id that exists with the same content is a duplicate; any other use of it is a
-- conflict, whosever it is. Answers {"accepted", "duplicates", "errors": [{"index", "code"}]}, where
-- a code is id_conflict, chat_not_found or properties_too_large.
create function public.record_events(p_events jsonb, p_user_id uuid default auth.uid())
  returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
  v_chats uuid[];
  v_inserted uuid[];
begin
  if jsonb_typeof(p_events) is distinct from 'array' or jsonb_array_length(p_events) > 500 then
    raise exception 'events must be an array of at most 500' using errcode = '22023';
  end if;
  -- Locked, so that a chat that is deleted meanwhile cannot fail the whole batch.
  select array_agg(id) into v_chats from (
    select c.id from public.chats c
      where c.user_id = v_user
        and c.id in (select (e ->> 'chat_id')::uuid from jsonb_array_elements(p_events) e)
      order by c.id for key share
  ) own;
  with first as (
    select distinct on (id) *
      from jsonb_array_elements(p_events) with ordinality as given (event, index),
        jsonb_to_record(event) as e (id uuid, name text, properties jsonb, chat_id uuid,
          session_id text, occurred_at timestamptz)
      order by id, index
  ), inserted as (
    insert into public.analytics (id, user_id, name, properties, chat_id, session_id, occurred_at)
      select id, v_user, name, coalesce(properties, '{}'), chat_id, session_id,
          coalesce(occurred_at, clock_timestamp())
        from first
        where (chat_id is null or chat_id = any (v_chats))
          and (properties is null or octet_length(properties::text) <= 32768)
      on conflict (id) do nothing
      returning id
  )
  select array_agg(id) into v_inserted from inserted;
  return (
    with report as (
      select index, case
          when index = min(index) over (partition by e.id) and e.id = any (v_inserted)
            then 'accepted'
          when e.chat_id is not null and (e.chat_id = any (v_chats)) is not true
            then 'chat_not_found'
          when octet_length(e.properties::text) > 32768 then 'properties_too_large'
          when exists (
            select 1 from public.analytics a
              where a.id = e.id and a.user_id = v_user and a.name = e.name
                and a.properties = coalesce(e.properties, '{}')
                and a.chat_id is not distinct from e.chat_id
                and a.session_id is not distinct from e.session_id
                and a.occurred_at = coalesce(e.occurred_at, a.occurred_at)
          ) then 'duplicate'
          else 'id_conflict'
        end as outcome
        from jsonb_array_elements(p_events) with ordinality as given (event, index),
          jsonb_to_record(event) as e (id uuid, name text, properties jsonb, chat_id uuid,
            session_id text, occurred_at timestamptz)
    )
    select jsonb_build_object(
        'accepted', count(*) filter (where outcome = 'accepted'),
        'duplicates', count(*) filter (where outcome = 'duplicate'),
        'errors', coalesce(jsonb_agg(jsonb_build_object('index', index - 1, 'code', outcome)
          order by index) filter (where outcome not in ('accepted', 'duplicate')), '[]'))
      from report
  );
end;
$$;

revoke execute on function private.local_start(timestamp, text) from public, anon;
revoke execute on function private.local_text(timestamptz, text) from public, anon;
revoke execute on function private.bucket_starts(timestamptz, timestamptz, text, text)
  from public, anon;
revoke execute on function private.usage_json(
  numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric) from public, anon;
revoke execute on function private.percentiles_json(double precision[]) from public, anon;
grant execute on function private.local_start(timestamp, text) to authenticated, service_role;
grant execute on function private.local_text(timestamptz, text) to authenticated, service_role;
grant execute on function private.bucket_starts(timestamptz, timestamptz, text, text)
  to authenticated, service_role;
grant execute on function private.usage_json(
  numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric)
  to authenticated, service_role;
grant execute on function private.percentiles_json(double precision[])
  to authenticated, service_role;

revoke execute on function public.usage_statistics(
  timestamptz, timestamptz, text, text, text, bigint, uuid) from public, anon;
revoke execute on function public.chat_statistics(timestamptz, timestamptz, text, uuid)
  from public, anon;
revoke execute on function public.record_events(jsonb, uuid) from public, anon;
grant execute on function public.usage_statistics(
  timestamptz, timestamptz, text, text, text, bigint, uuid) to authenticated, service_role;
grant execute on function public.chat_statistics(timestamptz, timestamptz, text, uuid)
  to authenticated, service_role;
grant execute on function public.record_events(jsonb, uuid) to authenticated, service_role;
