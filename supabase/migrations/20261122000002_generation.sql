-- How an answer is claimed, saved and stopped. ARCHITECTURE.md ("A generation") says why.
--
-- Every step that must be atomic is one function, called with the user's own access token: row-level
-- security proves ownership. Called with the service key, the user is named by p_user_id, and every
-- statement checks it. Only the database's clock counts.

-- The user on whose behalf a function works.
create function private.acting_user(p_user_id uuid) returns uuid
  language sql stable set search_path = ''
  as $$
    select case when auth.role() = 'service_role' then p_user_id else auth.uid() end
  $$;

-- A run is a secret that only the server instance working on the answer knows. Rows carry its
-- digest, so that a user who can read their rows still cannot save in the server's place.
create function private.run_id(p_run uuid) returns uuid
  language sql immutable strict set search_path = ''
  as $$
    select encode(substring(sha256(convert_to(p_run::text, 'UTF8')) from 1 for 16), 'hex')::uuid
  $$;

-- A message as the API returns it.
create function private.message_json(m public.messages) returns jsonb
  language sql stable set search_path = ''
  as $$
    select jsonb_build_object(
      'id', m.id, 'chat_id', m.chat_id, 'user_id', m.user_id, 'parent_id', m.parent_id,
      'role', m.role, 'content', m.content, 'parts', m.parts, 'model', m.model,
      'status', public.current_status(m), 'finish_reason', m.finish_reason, 'usage', m.usage,
      'cost_usd', m.cost_usd, 'is_active', m.is_active, 'metadata', m.metadata,
      'created_at', m.created_at, 'updated_at', m.updated_at)
  $$;

-- Inserts the usage of one run; a report, or a higher estimate, replaces the estimate that a lapsed
-- lease left behind: a user may have written that one.
-- Security definer because users may append to usage_logs but never change it.
create function private.record_usage(
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
    latency_ms, time_to_first_token_ms, status, error_code, raw)
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
    p_log ->> 'status', p_log ->> 'error_code', p_log -> 'raw')
  on conflict (id) do update set
    provider = excluded.provider, model = excluded.model,
    input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
    cached_input_tokens = excluded.cached_input_tokens,
    cache_write_input_tokens = excluded.cache_write_input_tokens,
    reasoning_tokens = excluded.reasoning_tokens, usage_source = excluded.usage_source,
    cost_usd = excluded.cost_usd, latency_ms = excluded.latency_ms,
    time_to_first_token_ms = excluded.time_to_first_token_ms, status = excluded.status,
    error_code = excluded.error_code, raw = excluded.raw
  where u.user_id = excluded.user_id and u.usage_source = 'estimated'
    and (excluded.usage_source <> 'estimated'
      or excluded.input_tokens + excluded.output_tokens > u.input_tokens + u.output_tokens);
end;
$$;

-- What answering this message costs at the least, about four bytes a token: it counts if the server
-- crashes before it can save a better estimate.
create function private.estimated_usage(p_question public.messages) returns jsonb
  language sql stable set search_path = ''
  as $$
    select jsonb_build_object('input_tokens', bytes / 4, 'output_tokens', 0,
        'total_tokens', bytes / 4, 'cached_input_tokens', 0, 'cache_write_input_tokens', 0,
        'reasoning_tokens', 0)
      from (
        select coalesce(sum(octet_length(m.content)), 0) as bytes
          from public.messages m
          where m.chat_id = p_question.chat_id and m.user_id = p_question.user_id and m.is_active
            and (m.created_at, m.id) <= (p_question.created_at, p_question.id)
      ) history
  $$;

-- Ends the chat's streaming row if its lease has lapsed; its usage is the last estimate saved with
-- it.
create function private.end_lapsed(p_user_id uuid, p_chat_id uuid) returns void
  language plpgsql set search_path = '' as $$
declare
  m public.messages;
begin
  update public.messages
    set status = 'interrupted', finish_reason = 'interrupted'
    where chat_id = p_chat_id and user_id = p_user_id and status = 'streaming'
      and lease_expires_at < clock_timestamp()
    returning * into m;
  if found and m.run_id is not null then
    perform private.record_usage(p_user_id, m.run_id, m.chat_id, m.id, coalesce(m.usage, '{}')
      || jsonb_build_object('operation', 'chat',
           'provider', coalesce(m.metadata ->> 'provider', 'unknown'),
           'model', coalesce(m.model, 'unknown'), 'cost_usd', m.cost_usd,
           'usage_source', 'estimated', 'status', 'interrupted', 'error_code', 'interrupted'));
  end if;
end;
$$;

-- Gives a user message new content. The previous version moves to a copy under a new id, with its
-- answers; it, and everything after it, stays readable but is no longer active.
create function private.replace_question(p_question public.messages, p_user_message jsonb)
  returns public.messages
  language plpgsql set search_path = '' as $$
declare
  v_copy_id constant uuid := gen_random_uuid();
begin
  insert into public.messages (id, chat_id, user_id, parent_id, role, content, parts, model, status,
      is_active, metadata, created_at)
    values (v_copy_id, p_question.chat_id, p_question.user_id, p_question.parent_id, 'user',
      p_question.content, p_question.parts, p_question.model, 'complete', false,
      p_question.metadata, p_question.created_at);
  update public.messages set parent_id = v_copy_id
    where parent_id = p_question.id and chat_id = p_question.chat_id
      and user_id = p_question.user_id and role = 'assistant';
  update public.messages set is_active = false
    where chat_id = p_question.chat_id and user_id = p_question.user_id and is_active
      and (created_at, id) > (p_question.created_at, p_question.id);
  update public.messages
    set content = p_user_message ->> 'content', parts = p_user_message -> 'parts',
        metadata = coalesce(nullif(p_user_message -> 'metadata', 'null'), metadata)
    where id = p_question.id and user_id = p_question.user_id
    returning * into p_question;
  return p_question;
end;
$$;

-- Claims the chat for one answer. p_action is 'submit', 'edit' (a submit that may replace the
-- content of a known user message) or 'regenerate'. p_user_message is {id, content, parts,
-- metadata}; p_create_chat, when given, is {title?, model?, system_prompt?, metadata?} for a chat
-- that does not exist yet. Answers jsonb with "answer", one of: started, running, answered, busy,
-- conflict, not_found, nothing_to_answer.
create function public.begin_generation(
  p_chat_id uuid,
  p_run uuid,
  p_message_id uuid,
  p_action text default 'submit',
  p_user_message jsonb default null,
  p_regenerate uuid default null,
  p_model text default null,
  p_default_model text default null,
  p_create_chat jsonb default null,
  p_user_id uuid default auth.uid()
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
  v_run_id constant uuid := private.run_id(p_run);
  v_chat public.chats;
  v_question public.messages;  -- the user message to answer
  v_target public.messages;    -- what p_regenerate names
  v_answer public.messages;    -- an earlier answer, then the new one
  v_running uuid;
  v_known boolean;
  v_same boolean;
begin
  if v_user is null then
    return jsonb_build_object('answer', 'not_found', 'missing', 'chat');
  end if;
  if p_create_chat is not null then
    insert into public.chats (id, user_id, title, model, system_prompt, metadata)
      values (p_chat_id, v_user, coalesce(p_create_chat ->> 'title', 'New chat'),
        p_create_chat ->> 'model', p_create_chat ->> 'system_prompt',
        coalesce(nullif(p_create_chat -> 'metadata', 'null'), '{}'))
      on conflict (id) do nothing;
  end if;
  select * into v_chat from public.chats where id = p_chat_id and user_id = v_user for update;
  if not found then
    return jsonb_build_object('answer', 'not_found', 'missing', 'chat');
  end if;

  -- A repeat of this very call, after its first answer was lost.
  select * into v_answer from public.messages
    where run_id = v_run_id and chat_id = p_chat_id and user_id = v_user and status = 'streaming';
  if found then
    select * into v_question from public.messages where id = v_answer.parent_id and user_id = v_user;
    return private.started(v_chat, v_question, v_answer);
  end if;

  perform private.end_lapsed(v_user, p_chat_id);

  -- A message that was sent before, unless it is to be answered anew.
  select * into v_question from public.messages
    where id = (p_user_message ->> 'id')::uuid and user_id = v_user;
  v_known := found;
  if v_known and (v_question.chat_id <> p_chat_id or v_question.role <> 'user') then
    return jsonb_build_object('answer', 'conflict');
  end if;
  v_same := v_known and v_question.parts = p_user_message -> 'parts';
  if v_same and p_action <> 'regenerate' then
    select * into v_answer from public.messages
      where parent_id = v_question.id and chat_id = p_chat_id and user_id = v_user
        and role = 'assistant'
      order by created_at desc, id desc limit 1;
    if v_answer.status in ('streaming', 'complete', 'stopped') then
      return jsonb_build_object(
        'answer', case v_answer.status when 'streaming' then 'running' else 'answered' end,
        'message', private.message_json(v_answer),
        'user_message', private.message_json(v_question));
    end if;
  end if;

  select id into v_running from public.messages
    where chat_id = p_chat_id and user_id = v_user and status = 'streaming';
  if found then
    return jsonb_build_object('answer', 'busy', 'message_id', v_running);
  end if;

  -- Which user message is to be answered?
  if p_action = 'regenerate' and p_regenerate is not null then
    select * into v_target from public.messages
      where id = p_regenerate and chat_id = p_chat_id and user_id = v_user and role <> 'system';
    if found and v_target.role = 'assistant' then
      select * into v_target from public.messages
        where id = v_target.parent_id and chat_id = p_chat_id and user_id = v_user;
    end if;
    if found then
      v_question := v_target;
      v_known := true;
    elsif p_user_message is null then
      return jsonb_build_object('answer', 'not_found', 'missing', 'message');
    end if;
  end if;
  if v_known and p_action <> 'regenerate' and not v_same then
    if p_action <> 'edit' or not v_question.is_active then
      return jsonb_build_object('answer', 'conflict');
    end if;
    v_question := private.replace_question(v_question, p_user_message);
  elsif not v_known and p_user_message is not null then
    insert into public.messages (id, chat_id, user_id, role, content, parts, metadata)
      values ((p_user_message ->> 'id')::uuid, p_chat_id, v_user, 'user',
        p_user_message ->> 'content', p_user_message -> 'parts',
        coalesce(nullif(p_user_message -> 'metadata', 'null'), '{}'))
      on conflict (id) do nothing
      returning * into v_question;
    if not found then
      return jsonb_build_object('answer', 'conflict');
    end if;
  elsif not v_known then
    select * into v_question from public.messages
      where chat_id = p_chat_id and user_id = v_user and role = 'user' and is_active
      order by created_at desc, id desc limit 1;
    if not found or (p_action <> 'regenerate' and exists (
      select 1 from public.messages
        where parent_id = v_question.id and chat_id = p_chat_id and user_id = v_user
          and role = 'assistant' and is_active and status in ('complete', 'stopped')
    )) then
      return jsonb_build_object('answer', 'nothing_to_answer');
    end if;
  end if;

  -- A version that an edit has replaced gets no new answers.
  if v_question.role <> 'user' or not v_question.is_active then
    return jsonb_build_object('answer', 'conflict');
  end if;

  if p_action = 'regenerate' then
    update public.messages set is_active = false
      where chat_id = p_chat_id and user_id = v_user and is_active
        and (created_at, id) > (v_question.created_at, v_question.id);
  else
    -- A new attempt replaces the one that failed.
    update public.messages set is_active = false
      where parent_id = v_question.id and chat_id = p_chat_id and user_id = v_user
        and role = 'assistant' and is_active;
  end if;

  insert into public.messages (id, chat_id, user_id, parent_id, role, model, status, run_id,
      lease_expires_at, usage, metadata)
    values (p_message_id, p_chat_id, v_user, v_question.id, 'assistant',
      coalesce(p_model, v_chat.model, p_default_model), 'streaming', v_run_id,
      clock_timestamp() + interval '15 seconds',
      private.estimated_usage(v_question), jsonb_build_object('user_message_id', v_question.id))
    returning * into v_answer;
  select * into v_chat from public.chats where id = p_chat_id and user_id = v_user;
  return private.started(v_chat, v_question, v_answer);
end;
$$;

-- What begin_generation answers to the run that owns the answer. The history ends with the
-- question; rows that hold nothing a model could read are left out. Newest 1,000 messages, 32 MiB.
create function private.started(
  p_chat public.chats, p_question public.messages, p_answer public.messages
) returns jsonb
  language sql stable set search_path = '' as $$
    select jsonb_build_object(
      'answer', 'started',
      'chat', jsonb_build_object('id', p_chat.id, 'title', p_chat.title, 'model', p_chat.model,
        'system_prompt', p_chat.system_prompt),
      'user_message', private.message_json(p_question),
      'message', private.message_json(p_answer),
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
          where h.bytes <= 33554432 or h.id = p_question.id
      ), '[]'))
  $$;

-- Saves an answer for the run that owns it. Without p_end: a checkpoint, which renews the lease;
-- null content leaves the text as it is, and p_usage is the estimate so far. With p_end, which is
-- {status, finish_reason, is_active, usage_log}: the end of the row and its usage in one
-- transaction; usage is recorded even when the row is gone or owned by another run.
-- Answers {"owned", "stop_requested", "message"?}.
create function public.save_generation(
  p_message_id uuid,
  p_run uuid,
  p_chat_id uuid,
  p_content text default null,
  p_parts jsonb default null,
  p_model text default null,
  p_metadata jsonb default null,
  p_usage jsonb default null,
  p_cost_usd numeric default null,
  p_end jsonb default null,
  p_user_id uuid default auth.uid()
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
  v_run_id constant uuid := private.run_id(p_run);
  m public.messages;
  v_owned boolean;
begin
  if p_end is not null then
    -- First the chat, then its messages, as a deletion locks them.
    perform 1 from public.chats where id = p_chat_id and user_id = v_user for key share;
  end if;
  -- An interrupted row still belongs to its run until another answer takes its place.
  update public.messages
    set content = coalesce(p_content, content),
        parts = coalesce(p_parts, parts),
        model = coalesce(p_model, model),
        metadata = coalesce(p_metadata, metadata),
        usage = case when p_end is null then coalesce(p_usage, usage) else p_usage end,
        cost_usd = case when p_end is null then coalesce(p_cost_usd, cost_usd) else p_cost_usd end,
        status = coalesce(p_end ->> 'status', status),
        finish_reason = case when p_end is null then finish_reason else p_end ->> 'finish_reason' end,
        is_active = is_active and coalesce((p_end ->> 'is_active')::boolean, true),
        lease_expires_at = clock_timestamp() + interval '15 seconds'
    where id = p_message_id and user_id = v_user and run_id = v_run_id
      and (status = 'streaming' or (status = 'interrupted' and is_active and p_end is not null))
    returning * into m;
  v_owned := found;
  if p_end is not null and p_end -> 'usage_log' is not null
     and jsonb_typeof(p_end -> 'usage_log') = 'object' then
    perform private.record_usage(v_user, v_run_id, p_chat_id, p_message_id, p_end -> 'usage_log');
  end if;
  if p_end is not null and not v_owned then
    -- The end was saved before and its answer lost on the way.
    select * into m from public.messages
      where id = p_message_id and user_id = v_user and run_id = v_run_id;
  end if;
  return jsonb_build_object('owned', v_owned,
    'stop_requested', m.stop_requested_at is not null,
    'message', case when p_end is not null and m.id is not null then private.message_json(m) end);
end;
$$;

-- Asks the chat's running answer to stop; the run that owns it ends the row. A lapsed one is ended
-- here. Answers {"running", "message"}: the running answer, or the newest one, or null.
create function public.request_stop(p_chat_id uuid, p_user_id uuid default auth.uid())
  returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
  m public.messages;
begin
  perform 1 from public.chats where id = p_chat_id and user_id = v_user for update;
  if not found then
    return null;
  end if;
  perform private.end_lapsed(v_user, p_chat_id);
  update public.messages
    set stop_requested_at = coalesce(stop_requested_at, clock_timestamp())
    where chat_id = p_chat_id and user_id = v_user and status = 'streaming'
    returning * into m;
  if found then
    return jsonb_build_object('running', true, 'message', private.message_json(m));
  end if;
  select * into m from public.messages
    where chat_id = p_chat_id and user_id = v_user and role = 'assistant' and is_active
    order by created_at desc, id desc limit 1;
  return jsonb_build_object('running', false,
    'message', case when found then private.message_json(m) end);
end;
$$;

revoke execute on function private.acting_user(uuid) from public, anon;
revoke execute on function private.run_id(uuid) from public, anon;
revoke execute on function private.message_json(public.messages) from public, anon;
revoke execute on function private.record_usage(uuid, uuid, uuid, uuid, jsonb) from public, anon;
revoke execute on function private.end_lapsed(uuid, uuid) from public, anon;
revoke execute on function private.estimated_usage(public.messages) from public, anon;
revoke execute on function private.replace_question(public.messages, jsonb) from public, anon;
revoke execute on function private.started(public.chats, public.messages, public.messages)
  from public, anon;
grant execute on function private.acting_user(uuid) to authenticated, service_role;
grant execute on function private.run_id(uuid) to authenticated, service_role;
grant execute on function private.message_json(public.messages) to authenticated, service_role;
grant execute on function private.record_usage(uuid, uuid, uuid, uuid, jsonb)
  to authenticated, service_role;
grant execute on function private.end_lapsed(uuid, uuid) to authenticated, service_role;
grant execute on function private.estimated_usage(public.messages) to authenticated, service_role;
grant execute on function private.replace_question(public.messages, jsonb)
  to authenticated, service_role;
grant execute on function private.started(public.chats, public.messages, public.messages)
  to authenticated, service_role;

revoke execute on function public.begin_generation(
  uuid, uuid, uuid, text, jsonb, uuid, text, text, jsonb, uuid) from public, anon;
revoke execute on function public.save_generation(
  uuid, uuid, uuid, text, jsonb, text, jsonb, jsonb, numeric, jsonb, uuid) from public, anon;
revoke execute on function public.request_stop(uuid, uuid) from public, anon;
grant execute on function public.begin_generation(
  uuid, uuid, uuid, text, jsonb, uuid, text, text, jsonb, uuid) to authenticated, service_role;
grant execute on function public.save_generation(
  uuid, uuid, uuid, text, jsonb, text, jsonb, jsonb, numeric, jsonb, uuid)
  to authenticated, service_role;
grant execute on function public.request_stop(uuid, uuid) to authenticated, service_role;
