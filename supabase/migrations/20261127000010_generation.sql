-- Longer leases, usage that a crash cannot lose, answers that replace nothing before they have content.
-- ARCHITECTURE.md ("A generation") says why.

-- How long an answer stays its run's without a word from it: long enough for an outage of the database
-- of 20 seconds, and not above the 30 after which a crashed answer has to read "interrupted".
create function private.lease() returns interval
  language sql immutable parallel safe set search_path = ''
  as $$ select interval '29 seconds' $$;

------------------------------------------------------------------------------------------- tables

-- On an answer that is to take the place of others: {"question"?: {content, parts, metadata},
-- "all_after": boolean}. Until it has content it is inactive and what it replaces is not; null from then
-- on (private.take_place).
alter table public.messages add column replaces jsonb
  constraint messages_replaces_check check (jsonb_typeof(replaces) = 'object');

-- Every run has such a row while it works, with or without a limit.
alter table private.token_reservations
  -- The row of usage_logs if the run is never heard of again, with chat_id and message_id.
  add column log jsonb,
  -- The server that works on it, where that has a name.
  add column server text,
  alter column lease_expires_at set default clock_timestamp() + interval '29 seconds';
create index token_reservations_lease_idx on private.token_reservations (lease_expires_at);

------------------------------------------------------------------------------------ lapsed answers

-- Records what a run has used that was not heard of again. What cannot be recorded, because somebody has
-- called the functions with nonsense, is passed over.
create function private.record_lapsed_run(r private.token_reservations) returns void
  language plpgsql security definer set search_path = '' as $$
declare
  v_log constant jsonb := jsonb_build_object('operation', 'chat', 'provider', 'unknown',
    'model', 'unknown') || jsonb_strip_nulls(coalesce(r.log, '{}'));
begin
  perform private.require_caller(r.user_id);
  perform private.record_usage(r.user_id, r.run_id, (v_log ->> 'chat_id')::uuid,
    (v_log ->> 'message_id')::uuid, v_log || jsonb_build_object(
      'input_tokens', greatest(coalesce((v_log ->> 'input_tokens')::bigint, 0),
        r.used_tokens - coalesce((v_log ->> 'output_tokens')::bigint, 0)),
      'usage_source', 'estimated', 'status', 'interrupted', 'error_code', 'interrupted'));
  -- It was used then, whenever it is counted.
  update public.usage_logs
    set created_at = least(created_at, r.lease_expires_at)
    where id = r.run_id and user_id = r.user_id and usage_source = 'estimated';
exception when data_exception or integrity_constraint_violation then
  raise warning 'the usage of a lapsed run cannot be recorded: %', sqlerrm;
end;
$$;

-- Records the usage of a user's lapsed runs, of everybody's for the service role without a user; how
-- many there were.
create function private.count_lapsed(p_user_id uuid) returns bigint
  language plpgsql security definer set search_path = '' as $$
declare
  r private.token_reservations;
  v_counted bigint := 0;
begin
  if p_user_id is not null or auth.role() is distinct from 'service_role' then
    perform private.require_caller(p_user_id);
  end if;
  for r in
    delete from private.token_reservations t
      where t.run_id in (
        select l.run_id from private.token_reservations l
          where l.lease_expires_at < clock_timestamp()
            and (p_user_id is null or l.user_id = p_user_id)
          order by l.lease_expires_at limit 1000 for update skip locked)
      returning t.*
  loop
    perform private.record_lapsed_run(r);
    v_counted := v_counted + 1;
  end loop;
  return v_counted;
end;
$$;

create function public.count_lapsed_usage(p_user_id uuid default auth.uid()) returns bigint
  language sql set search_path = ''
  as $$ select private.count_lapsed(private.acting_user(p_user_id)) $$;

-- Ends the leases of a server that has just started: it works on nothing yet. How many there were.
create function private.release_leases(p_server text) returns bigint
  language plpgsql security definer set search_path = '' as $$
declare
  v_released bigint;
begin
  if auth.role() is distinct from 'service_role' then
    raise exception 'only the service role releases leases' using errcode = '42501';
  end if;
  update public.messages m
    set lease_expires_at = clock_timestamp() - interval '1 millisecond'
    from private.token_reservations r
    where r.server = p_server and m.run_id = r.run_id and m.status = 'streaming';
  update private.token_reservations
    set lease_expires_at = least(lease_expires_at, clock_timestamp() - interval '1 millisecond')
    where server = p_server;
  get diagnostics v_released = row_count;
  return v_released;
end;
$$;

create function public.release_leases(p_server text) returns bigint
  language sql set search_path = ''
  as $$ select private.release_leases(p_server) $$;

-- The usage of a run whose message has lapsed: as the run has reported it, and without such a report as
-- it was last saved with its message, which users can change. Nothing while the run's reservation lasts,
-- because then the run lives.
create or replace function private.record_lapsed_usage(
  p_user_id uuid, p_run_id uuid, p_chat_id uuid, p_message_id uuid, p_log jsonb
) returns void
  language plpgsql security definer set search_path = '' as $$
declare
  r private.token_reservations;
begin
  perform private.require_caller(p_user_id);
  select * into r from private.token_reservations
    where run_id = p_run_id and user_id = p_user_id for update;
  if r.lease_expires_at >= clock_timestamp() then
    return;
  end if;
  if r.log is not null then
    perform private.record_lapsed_run(r);
  else
    perform private.record_usage(p_user_id, p_run_id, p_chat_id, p_message_id,
      p_log || jsonb_build_object('input_tokens',
        greatest(coalesce((p_log ->> 'input_tokens')::bigint, 0),
          coalesce(r.used_tokens, 0) - coalesce((p_log ->> 'output_tokens')::bigint, 0))));
  end if;
  perform private.settle_reservation(p_user_id, p_run_id);
end;
$$;

-------------------------------------------------------------------------------------- reservations

-- Remembers a run that begins: what counts if it is never heard of again.
create function private.open_run(p_user_id uuid, p_run_id uuid, p_log jsonb, p_server text)
  returns void
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  insert into private.token_reservations as r (run_id, user_id, tokens, used_tokens, log, server)
    values (p_run_id, p_user_id, 0, greatest(0, coalesce((p_log ->> 'input_tokens')::bigint, 0)),
      p_log, p_server)
    on conflict (run_id) do update
      set used_tokens = greatest(r.used_tokens, excluded.used_tokens),
          log = coalesce(r.log, excluded.log), server = excluded.server
      where r.user_id = excluded.user_id;
end;
$$;

create or replace function private.reserve_tokens(
  p_user_id uuid, p_run_id uuid, p_limit bigint, p_wanted bigint, p_minimum bigint
) returns bigint
  language plpgsql security definer set search_path = '' as $$
declare
  v_granted bigint;
begin
  perform private.require_caller(p_user_id);
  -- One at a time for each user, on any number of replicas.
  perform pg_advisory_xact_lock(hashtextextended('daily_tokens ' || p_user_id, 0));
  perform private.count_lapsed(p_user_id);
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

-- Renews the lease of a run. p_used is what it has used so far, with the provider, the model and the
-- price where they are known, p_reserve is {limit, tokens}: what it needs in all from here on. False if
-- there is not enough left.
create or replace function private.renew_reservation(
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
        log = log || coalesce(p_used, '{}'),
        lease_expires_at = clock_timestamp() + private.lease()
    where run_id = p_run_id and user_id = p_user_id;
  return true;
end;
$$;

-- Opens the run of an answer and reserves what a daily limit wants reserved; the exception undoes what
-- was written for it. p_reserve may have no limit: then it only says what is sent besides the history.
create or replace function private.reserve_or_raise(p_answer public.messages, p_reserve jsonb)
  returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_history constant bigint := (p_answer.usage ->> 'input_tokens')::bigint;
  v_reserved jsonb;
begin
  if p_reserve ->> 'limit' is not null then
    v_reserved :=
      private.reserve_for_answer(p_answer.user_id, p_answer.run_id, p_reserve, v_history);
    if v_reserved is null then
      raise exception 'the daily limit is reached' using errcode = 'CB429';
    end if;
  end if;
  perform private.open_run(p_answer.user_id, p_answer.run_id, jsonb_build_object(
      'operation', 'chat', 'model', p_answer.model, 'chat_id', p_answer.chat_id,
      'message_id', p_answer.id,
      'input_tokens', v_history + coalesce((p_reserve ->> 'input_tokens')::bigint, 0)),
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
  if p_reserve ->> 'limit' is not null then
    v_reserved := private.reserve_for_answer(v_user, v_run_id, p_reserve, 0);
    if v_reserved is null then
      return jsonb_build_object('answer', 'over_limit',
        'over_limit', private.over_limit(v_user, p_reserve));
    end if;
  end if;
  perform private.open_run(v_user, v_run_id, jsonb_build_object('operation', 'generate',
    'input_tokens', coalesce((p_reserve ->> 'input_tokens')::bigint, 0)), p_reserve ->> 'server');
  return jsonb_build_object('answer', 'started', 'reserved', v_reserved);
end;
$$;

--------------------------------------------------------------------------------------- candidates

-- The question as the answer reads it: an edit is the answer's until that takes its place.
create function private.as_edited(p_question public.messages, p_answer public.messages)
  returns public.messages
  language plpgsql immutable set search_path = '' as $$
begin
  if p_answer.replaces -> 'question' is not null then
    p_question.content := p_answer.replaces -> 'question' ->> 'content';
    p_question.parts := p_answer.replaces -> 'question' -> 'parts';
    p_question.metadata := p_answer.replaces -> 'question' -> 'metadata';
  end if;
  return p_question;
end;
$$;

-- Gives a user message new content. The previous version moves to a copy under a new id, with its
-- answers; it stays readable but is no longer active.
create or replace function private.replace_question(
  p_question public.messages, p_user_message jsonb
) returns public.messages
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
  update public.messages
    set content = p_user_message ->> 'content', parts = p_user_message -> 'parts',
        metadata = coalesce(nullif(p_user_message -> 'metadata', 'null'), metadata)
    where id = p_question.id and user_id = p_question.user_id
    returning * into p_question;
  return p_question;
end;
$$;

-- Puts an answer that has content now in the place of what it replaces. What came into the chat after
-- it had begun stays. The chat is locked.
create function private.take_place(p_answer public.messages) returns void
  language plpgsql set search_path = '' as $$
declare
  q public.messages;
begin
  select * into q from public.messages
    where id = p_answer.parent_id and chat_id = p_answer.chat_id and user_id = p_answer.user_id;
  if q.id is not null and p_answer.replaces -> 'question' is not null then
    perform private.replace_question(q, p_answer.replaces -> 'question');
  end if;
  update public.messages
    set is_active = false
    where chat_id = p_answer.chat_id and user_id = p_answer.user_id and is_active
      and (created_at, id) > (q.created_at, q.id) and created_at <= p_answer.created_at
      and ((p_answer.replaces ->> 'all_after')::boolean
        or (parent_id = q.id and role = 'assistant'));
  update public.messages
    set is_active = true, replaces = null, parent_id = q.id
    where id = p_answer.id and user_id = p_answer.user_id;
end;
$$;

------------------------------------------------------------------------------- begin, save and stop

-- The message of a chat that was stopped without its owner, whose call of the provider may go on until its
-- lease ends.
create function private.find_call_at_work(p_user_id uuid, p_chat_id uuid) returns uuid
  language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  return (
    select m.id
      from private.token_reservations r
        join public.messages m on m.run_id = r.run_id
      where r.user_id = p_user_id and r.lease_expires_at > clock_timestamp()
        and m.chat_id = p_chat_id and m.user_id = p_user_id and m.status = 'stopped'
      limit 1);
end;
$$;

create or replace function public.begin_generation(
  p_chat_id uuid,
  p_run uuid,
  p_message_id uuid,
  p_action text default 'submit',
  p_user_message jsonb default null,
  p_regenerate uuid default null,
  p_model text default null,
  p_default_model text default null,
  p_create_chat jsonb default null,
  p_reserve jsonb default null,
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
  v_edited jsonb;              -- what the question becomes
  v_all_after boolean;         -- whether everything after the question is replaced
  v_replaces jsonb;
  v_reserved jsonb;
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
    v_question := private.as_edited(v_question, v_answer);
    v_reserved := private.reserve_or_raise(v_answer, p_reserve);
    return private.started(v_chat, v_question, v_answer, v_reserved);
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
  if v_known and p_action <> 'regenerate' then
    -- What is being written, else what is shown, else the newest. An edit that has no content yet
    -- answers what the question is to become.
    select * into v_answer from public.messages m
      where m.parent_id = v_question.id and m.chat_id = p_chat_id and m.user_id = v_user
        and m.role = 'assistant'
        and case when m.replaces -> 'question' is null then v_same
          else m.status = 'streaming'
            and m.replaces -> 'question' -> 'parts' = p_user_message -> 'parts' end
      order by (m.status = 'streaming') desc, m.is_active desc, m.created_at desc, m.id desc
      limit 1;
    if v_answer.status in ('streaming', 'complete', 'stopped') then
      return jsonb_build_object(
        'answer', case v_answer.status when 'streaming' then 'running' else 'answered' end,
        'message', private.message_json(v_answer),
        'user_message', private.message_json(private.as_edited(v_question, v_answer)));
    end if;
  end if;

  select id into v_running from public.messages
    where chat_id = p_chat_id and user_id = v_user and status = 'streaming';
  if not found then
    v_running := private.find_call_at_work(v_user, p_chat_id);
  end if;
  if v_running is not null then
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
    v_edited := jsonb_build_object('content', p_user_message -> 'content',
      'parts', p_user_message -> 'parts',
      'metadata', coalesce(nullif(p_user_message -> 'metadata', 'null'), v_question.metadata));
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

  -- Earlier attempts are no longer their runs', and those with nothing to show give way at once.
  update public.messages
    set lease_expires_at = null, is_active = is_active and parts <> '[]'
    where parent_id = v_question.id and chat_id = p_chat_id and user_id = v_user
      and role = 'assistant' and (lease_expires_at is not null or (is_active and parts = '[]'));

  -- What has something to show stays until the new answer has.
  v_all_after := p_action = 'regenerate' or v_edited is not null;
  if v_edited is not null or exists (
    select 1 from public.messages
      where chat_id = p_chat_id and user_id = v_user and is_active
        and (created_at, id) > (v_question.created_at, v_question.id)
        and (v_all_after or (parent_id = v_question.id and role = 'assistant'))
  ) then
    v_replaces := jsonb_strip_nulls(jsonb_build_object('all_after', v_all_after))
      || case when v_edited is null then '{}' else jsonb_build_object('question', v_edited) end;
  end if;

  insert into public.messages (id, chat_id, user_id, parent_id, role, model, status, run_id,
      lease_expires_at, usage, metadata, is_active, replaces, created_at)
    values (p_message_id, p_chat_id, v_user, v_question.id, 'assistant',
      coalesce(p_model, v_chat.model, p_default_model), 'streaming', v_run_id,
      clock_timestamp() + private.lease(),
      private.estimated_usage(v_question), jsonb_build_object('user_message_id', v_question.id),
      v_replaces is null, v_replaces,
      -- Later than what it replaces, whatever the clock says.
      greatest(clock_timestamp(), (select max(created_at) + interval '1 microsecond'
        from public.messages
        where chat_id = p_chat_id and user_id = v_user and v_replaces is not null)))
    returning * into v_answer;
  select * into v_chat from public.chats where id = p_chat_id and user_id = v_user;
  v_reserved := private.reserve_or_raise(v_answer, p_reserve);
  return private.started(v_chat, private.as_edited(v_question, v_answer), v_answer, v_reserved);
exception when sqlstate 'CB429' then
  return jsonb_build_object('answer', 'over_limit',
    'over_limit', private.over_limit(v_user, p_reserve));
end;
$$;

-- What begin_generation answers to the run that owns the answer. The history ends with the
-- question; rows that hold nothing a model could read are left out. Newest 1,000 messages, 32 MiB.
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
      'lease_ms', extract(epoch from private.lease())::integer * 1000,
      'history', coalesce((
        select jsonb_agg(jsonb_build_object('id', h.id, 'role', h.role,
            'parts', case when h.id = p_question.id then p_question.parts else h.parts end,
            'model', h.model,
            'metadata', case when h.id = p_question.id then p_question.metadata else h.metadata end)
            order by h.created_at, h.id)
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
-- null content leaves the text as it is, p_usage is the estimate so far, and p_reserve what a daily
-- limit wants reserved from here on (private.renew_reservation). With p_end, which is
-- {status, finish_reason, is_active, usage_log}: the end of the row and its usage in one
-- transaction; usage is recorded even when the row is gone or owned by another run. An answer that
-- has content takes the place of what it replaces.
-- Answers {"owned", "stop_requested", "message"?, "over_limit"?}.
create or replace function public.save_generation(
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
  p_reserve jsonb default null,
  p_user_id uuid default auth.uid()
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
  v_run_id constant uuid := private.run_id(p_run);
  v_has_content constant boolean :=
    coalesce(jsonb_path_exists(p_parts, '$[*] ? (@.type != "step-start")'), false);
  m public.messages;
  v_owned boolean;
  v_over_limit jsonb;
begin
  -- First the chat, then its messages, as a deletion locks them.
  if v_has_content and exists (
    select 1 from public.messages
      where id = p_message_id and user_id = v_user and run_id = v_run_id and replaces is not null
  ) then
    perform 1 from public.chats where id = p_chat_id and user_id = v_user for no key update;
  elsif p_end is not null then
    perform 1 from public.chats where id = p_chat_id and user_id = v_user for key share;
  end if;
  -- A row that others have ended keeps its lease: it belongs to its run until that has had its last word
  -- or another attempt is made.
  update public.messages
    -- An answer only grows: a checkpoint with less of it was sent before the last one and came late.
    set content = case when p_end is null and octet_length(p_content) < octet_length(content)
          then content else coalesce(p_content, content) end,
        parts = case when p_end is null and octet_length(p_content) < octet_length(content)
          then parts else coalesce(p_parts, parts) end,
        model = coalesce(p_model, model),
        metadata = coalesce(p_metadata, metadata),
        usage = case when p_end is null then coalesce(p_usage, usage) else p_usage end,
        cost_usd = case when p_end is null then coalesce(p_cost_usd, cost_usd) else p_cost_usd end,
        status = coalesce(p_end ->> 'status', status),
        finish_reason = case when p_end is null then finish_reason else p_end ->> 'finish_reason' end,
        is_active = is_active and coalesce((p_end ->> 'is_active')::boolean, true),
        lease_expires_at = case when p_end is null then clock_timestamp() + private.lease() end
    where id = p_message_id and user_id = v_user and run_id = v_run_id
      and (status = 'streaming'
        or (status in ('interrupted', 'stopped') and lease_expires_at is not null
          and p_end is not null))
    returning * into m;
  v_owned := found;
  if v_owned and v_has_content and m.replaces is not null then
    perform private.take_place(m);
    select * into m from public.messages where id = p_message_id and user_id = v_user;
  end if;
  if p_end is not null and p_end -> 'usage_log' is not null
     and jsonb_typeof(p_end -> 'usage_log') = 'object' then
    perform private.record_usage(v_user, v_run_id, p_chat_id, p_message_id, p_end -> 'usage_log');
  end if;
  if v_user is null then
    null;
  elsif p_end is not null then
    perform private.settle_reservation(v_user, v_run_id);
  elsif not private.renew_reservation(v_user, v_run_id,
      p_usage || jsonb_strip_nulls(jsonb_build_object('model', p_model,
        'provider', p_metadata ->> 'provider')) || jsonb_build_object('cost_usd', p_cost_usd),
      p_reserve) then
    v_over_limit := private.over_limit(v_user, p_reserve);
  end if;
  if not v_owned then
    -- Its end was saved before, by the run or by others.
    select * into m from public.messages
      where id = p_message_id and user_id = v_user and run_id = v_run_id;
  end if;
  return jsonb_build_object('owned', v_owned,
    -- An answer without its question is wanted by nobody.
    'stop_requested', m.stop_requested_at is not null or (m.id is not null and m.parent_id is null),
    'message', case when p_end is not null and m.id is not null then private.message_json(m) end)
    || case when v_over_limit is null then '{}'
         else jsonb_build_object('over_limit', v_over_limit) end;
end;
$$;

-- Asks the chat's running answer to stop; the run that owns it ends the row. A lapsed one is ended
-- here, and so is one whose owner has not been heard of for some seconds after a stop was asked for.
-- Answers {"running", "message"}: the running answer, or the newest one, or null.
create or replace function public.request_stop(p_chat_id uuid, p_user_id uuid default auth.uid())
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
  if found and m.stop_requested_at >= clock_timestamp() - interval '4 seconds' then
    return jsonb_build_object('running', true, 'message', private.message_json(m));
  elsif found then
    update public.messages
      set status = 'stopped', finish_reason = 'stopped'
      where id = m.id and user_id = v_user
      returning * into m;
    return jsonb_build_object('running', false, 'message', private.message_json(m));
  end if;
  select * into m from public.messages
    where chat_id = p_chat_id and user_id = v_user and role = 'assistant' and is_active
    order by created_at desc, id desc limit 1;
  return jsonb_build_object('running', false,
    'message', case when found then private.message_json(m) end);
end;
$$;

revoke execute on function private.lease() from public, anon;
revoke execute on function private.record_lapsed_run(private.token_reservations) from public, anon;
revoke execute on function private.count_lapsed(uuid) from public, anon;
revoke execute on function private.open_run(uuid, uuid, jsonb, text) from public, anon;
revoke execute on function private.as_edited(public.messages, public.messages) from public, anon;
revoke execute on function private.take_place(public.messages) from public, anon;
revoke execute on function private.find_call_at_work(uuid, uuid) from public, anon;
grant execute on function private.lease() to authenticated, service_role;
grant execute on function private.count_lapsed(uuid) to authenticated, service_role;
grant execute on function private.open_run(uuid, uuid, jsonb, text) to authenticated, service_role;
grant execute on function private.as_edited(public.messages, public.messages)
  to authenticated, service_role;
grant execute on function private.take_place(public.messages) to authenticated, service_role;
grant execute on function private.find_call_at_work(uuid, uuid) to authenticated, service_role;

revoke execute on function public.count_lapsed_usage(uuid) from public, anon;
revoke execute on function private.release_leases(text) from public, anon, authenticated;
grant execute on function private.release_leases(text) to service_role;
revoke execute on function public.release_leases(text) from public, anon, authenticated;
grant execute on function public.count_lapsed_usage(uuid) to authenticated, service_role;
grant execute on function public.release_leases(text) to service_role;
