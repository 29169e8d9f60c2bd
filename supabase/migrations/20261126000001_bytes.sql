-- Answers of functions end by bytes as well: what a replica reads for one request has a bound.

-- What begin_generation answers to the run that owns the answer. The history ends with the
-- question; rows that hold nothing a model could read are left out. Newest 1,000 messages, 8 MiB:
-- more than any model reads.
create or replace function private.started(
  p_chat public.chats, p_question public.messages, p_answer public.messages, p_reserved jsonb
) returns jsonb
  language sql stable set search_path = '' as $$
    select jsonb_build_object(
      'answer', 'started',
      'chat', jsonb_build_object('id', p_chat.id, 'title', p_chat.title, 'model', p_chat.model,
        'system_prompt', p_chat.system_prompt),
      'user_message', private.message_json(p_question),
      'message', private.message_json(p_answer),
      'reserved', p_reserved,
      'history', coalesce((
        select jsonb_agg(jsonb_build_object('id', h.id, 'role', h.role, 'parts', h.parts,
            'model', h.model, 'metadata', h.metadata) order by h.created_at, h.id)
          from (
            select m.*, sum(octet_length(m.parts::text))
                over (order by m.created_at desc, m.id desc) as bytes
              from public.messages m
              where m.chat_id = p_chat.id and m.user_id = p_chat.user_id and m.is_active
                and m.status <> 'streaming' and jsonb_array_length(m.parts) > 0
                and (m.created_at, m.id) <= (p_question.created_at, p_question.id)
              order by m.created_at desc, m.id desc
              limit 1000
          ) h
          where h.bytes <= 8388608 or h.id = p_question.id
      ), '[]'))
  $$;

-- What the caller has used: at most 10,000 buckets in all groups together.
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
