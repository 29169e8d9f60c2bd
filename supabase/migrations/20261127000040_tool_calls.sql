-- Calls that wait for somebody, and answers that are continued. ARCHITECTURE.md ("Calls that wait") says
-- why.
--
-- An answer whose calls wait has ended: its status is awaiting, no run owns it, and nothing of it is in a
-- server's memory. When nothing is left to wait for, a new run continues the same message.

------------------------------------------------------------------------------------------- tables

alter table public.messages drop constraint messages_status_check;
alter table public.messages add constraint messages_status_check
  check (status in ('complete', 'streaming', 'stopped', 'failed', 'interrupted', 'awaiting'));
create index messages_awaiting_idx on public.messages (chat_id) where status = 'awaiting';

-- The calls of a model that somebody else than this server answers or decides on. Can be reached through
-- the functions below alone, because users may write whatever they like into their messages.
create table private.tool_calls (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  chat_id uuid not null,
  message_id uuid not null,
  -- The provider's id of the call, as its part has it.
  call_id text not null,
  -- How many parts the message had when it began to wait: what comes after them is the continuation's.
  message_parts integer not null,
  -- Whose tool it is: 'client' for one of the page's.
  source text not null,
  -- The name by which the model called it.
  tool text not null,
  -- What the tool was when it was called, and the digest of that.
  definition jsonb,
  definition_digest text,
  arguments jsonb not null,
  -- Why it is not run at once, where a policy says so, and the server's seal over what was shown.
  policy text,
  seal text,
  state text not null
    constraint tool_calls_state_check check (state in ('pending', 'waiting', 'approved', 'running',
      'done', 'failed', 'denied', 'expired', 'superseded', 'unknown')),
  expires_at timestamptz not null,
  decided_at timestamptz,
  -- {"output"} or {"error"}.
  outcome jsonb
    constraint tool_calls_outcome_check
      check (jsonb_typeof(outcome) = 'object' and octet_length(outcome::text) <= 1048576),
  created_at timestamptz not null default clock_timestamp(),
  constraint tool_calls_message_id_call_id_key unique (message_id, call_id),
  constraint tool_calls_message_fkey foreign key (message_id, chat_id)
    references public.messages (id, chat_id) on delete cascade
);
create index tool_calls_chat_idx on private.tool_calls (chat_id, call_id);
alter table private.tool_calls enable row level security;
revoke all on private.tool_calls from public, anon, authenticated;

------------------------------------------------------------------------------------------ the calls

-- The parts with what became of their calls: by the call's id {"output"} or {"error"}. A call that has a
-- result keeps it.
create function private.with_outcomes(p_parts jsonb, p_outcomes jsonb) returns jsonb
  language sql immutable set search_path = ''
  as $$
    select coalesce(jsonb_agg(
        case
          when e.part ->> 'state' is distinct from 'input-available' or o.outcome is null then e.part
          when o.outcome ? 'output' then e.part
            || jsonb_build_object('state', 'output-available', 'output', o.outcome -> 'output')
          else e.part
            || jsonb_build_object('state', 'output-error', 'errorText', o.outcome -> 'error')
        end order by e.place), '[]')
      from jsonb_array_elements(p_parts) with ordinality e (part, place),
        lateral (select p_outcomes -> (e.part ->> 'toolCallId') as outcome) o
  $$;

-- What became of a message's calls, as far as it is known, by their ids.
create function private.outcomes(p_user_id uuid, p_message_id uuid) returns jsonb
  language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  return (
    select coalesce(jsonb_object_agg(c.call_id, c.outcome), '{}') from private.tool_calls c
      where c.message_id = p_message_id and c.user_id = p_user_id and c.outcome is not null);
end;
$$;

-- Remembers the calls with which an answer begins to wait. Of each: {call_id, source, tool, definition,
-- definition_digest, arguments, expires_in_s}.
create function private.add_tool_calls(m public.messages, p_calls jsonb) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(m.user_id);
  insert into private.tool_calls (user_id, chat_id, message_id, call_id, message_parts, source, tool,
      definition, definition_digest, arguments, state, expires_at)
    select m.user_id, m.chat_id, m.id, c.call_id, jsonb_array_length(m.parts), c.source, c.tool,
        c.definition, c.definition_digest, c.arguments, 'waiting',
        clock_timestamp() + least(greatest(c.expires_in_s, 1), 2592000) * interval '1 second'
      from jsonb_to_recordset(coalesce(p_calls, '[]')) as c (call_id text, source text, tool text,
        definition jsonb, definition_digest text, arguments jsonb, expires_in_s integer)
    on conflict (message_id, call_id) do nothing;
end;
$$;

-- Ends the calls of a message that nobody has answered: as superseded, or those whose time is over as
-- expired.
create function private.end_calls(
  p_user_id uuid, p_message_id uuid, p_state text, p_error text
) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  update private.tool_calls
    set state = p_state, outcome = jsonb_build_object('error', p_error),
        decided_at = clock_timestamp()
    where message_id = p_message_id and user_id = p_user_id
      and state in ('pending', 'waiting', 'approved')
      and (p_state <> 'expired' or (state <> 'approved' and expires_at < clock_timestamp()));
end;
$$;

-- Completes the chat's answers that wait. The chat is locked.
create function private.supersede_calls(p_user_id uuid, p_chat_id uuid, p_error text) returns void
  language plpgsql set search_path = '' as $$
declare
  m public.messages;
begin
  for m in
    select * from public.messages
      where chat_id = p_chat_id and user_id = p_user_id and status = 'awaiting' for update
  loop
    perform private.end_calls(p_user_id, m.id, 'superseded', p_error);
    update public.messages
      set status = 'complete',
          parts = private.with_outcomes(m.parts, private.outcomes(p_user_id, m.id))
      where id = m.id and user_id = p_user_id;
  end loop;
end;
$$;

-- Records what was answered, by the calls' ids; the first answer counts. Of each call: recorded, same (it
-- was answered so before), decided (it was answered otherwise), superseded, expired, or unknown.
create function private.record_outcomes(p_user_id uuid, p_message_id uuid, p_outcomes jsonb)
  returns jsonb
  language plpgsql security definer set search_path = '' as $$
declare
  c private.tool_calls;
  o record;
  v_result text;
  v_results jsonb := '{}';
begin
  perform private.require_caller(p_user_id);
  for o in select key, value from jsonb_each(p_outcomes) loop
    select * into c from private.tool_calls
      where message_id = p_message_id and user_id = p_user_id and call_id = o.key
        -- What waits for a decision takes no output.
        and (state <> 'pending' and policy is null);
    if not found then
      v_result := 'unknown';
    elsif c.state = 'waiting' and c.expires_at >= clock_timestamp() then
      update private.tool_calls
        set state = case when o.value ? 'output' then 'done' else 'failed' end, outcome = o.value,
            decided_at = clock_timestamp()
        where id = c.id;
      v_result := 'recorded';
    elsif c.state in ('waiting', 'expired') then
      v_result := 'expired';
    elsif c.state in ('done', 'failed') and c.outcome = o.value then
      v_result := 'same';
    elsif c.state = 'superseded' then
      v_result := 'superseded';
    else
      v_result := 'decided';
    end if;
    v_results := v_results || jsonb_build_object(o.key, v_result);
  end loop;
  return v_results;
end;
$$;

-- How a message's calls stand: {remaining, message_parts, definitions}. Calls whose time is over do not
-- count. Null if the message has none.
create function private.call_summary(p_user_id uuid, p_message_id uuid) returns jsonb
  language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  return (
    select jsonb_build_object(
        'remaining', count(*) filter (where c.state in ('pending', 'waiting')
          and c.expires_at >= clock_timestamp()),
        'message_parts', max(c.message_parts),
        'definitions', coalesce(jsonb_agg(c.definition order by c.created_at, c.call_id)
          filter (where c.definition is not null), '[]'))
      from private.tool_calls c
      where c.message_id = p_message_id and c.user_id = p_user_id
      having count(*) > 0);
end;
$$;

-- The newest message of a chat that has this call.
create function private.message_of_call(p_user_id uuid, p_chat_id uuid, p_call_id text) returns uuid
  language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  return (
    select c.message_id from private.tool_calls c
      where c.chat_id = p_chat_id and c.user_id = p_user_id and c.call_id = p_call_id
      order by c.created_at desc, c.message_id desc limit 1);
end;
$$;

-- Records the results of calls that wait for the page. p_outcomes has {"output"} or {"error"} by the
-- calls' ids; without p_message_id there is one, and its newest message is meant.
-- Answers {"message_id", "status", "results", "remaining", "message_parts"}: results has one word for each
-- call (private.record_outcomes). Null if there is no such chat or message.
create function public.answer_tool_calls(
  p_chat_id uuid, p_outcomes jsonb, p_message_id uuid default null,
  p_user_id uuid default auth.uid()
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
  m public.messages;
  v_results jsonb;
begin
  perform 1 from public.chats where id = p_chat_id and user_id = v_user for update;
  if not found then
    return null;
  end if;
  select * into m from public.messages
    where chat_id = p_chat_id and user_id = v_user and role = 'assistant'
      and id = coalesce(p_message_id, private.message_of_call(v_user, p_chat_id,
        (select min(k) from jsonb_object_keys(p_outcomes) k)))
    for update;
  if not found then
    return null;
  end if;
  v_results := private.record_outcomes(v_user, m.id, p_outcomes);
  if m.status = 'awaiting' then
    update public.messages
      set parts = private.with_outcomes(m.parts, private.outcomes(v_user, m.id))
      where id = m.id and user_id = v_user;
  end if;
  return jsonb_build_object('message_id', m.id, 'status', public.current_status(m),
      'results', v_results, 'remaining', 0, 'message_parts', 0)
    || coalesce(private.call_summary(v_user, m.id), '{}') - 'definitions';
end;
$$;

------------------------------------------------------------------------------------------ continuing

-- What a message has already is the first checkpoint of the run that continues it.
create function private.save_earlier(p_user_id uuid, p_run_id uuid, p_parts jsonb) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  update private.token_reservations
    set checkpoint = 1
    where run_id = p_run_id and user_id = p_user_id and checkpoint = 0;
  if not found then
    return;
  end if;
  insert into private.answer_pieces (run_id, checkpoint, part_index, text_offset, text, part)
    select p_run_id, 1, row_number() over (order by e.place) - 1, 0, coalesce(e.part ->> 'text', ''),
        case when e.part ? 'text' then jsonb_set(e.part, '{text}', '""') else e.part end
      from jsonb_array_elements(p_parts) with ordinality e (part, place)
      where jsonb_typeof(e.part) = 'object';
end;
$$;

-- Gives a message that has ended to a run that continues it with these parts; what is reserved for it. Until
-- the run has ended, the parts are in its checkpoints. The chat is locked.
create function private.begin_again(
  m public.messages, q public.messages, p_run_id uuid, p_parts jsonb, p_model text, p_reserve jsonb
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_usage jsonb := private.estimated_usage(q);
  v_input constant bigint :=
    (v_usage ->> 'input_tokens')::bigint + octet_length(p_parts::text) / 4;
  v_reserved jsonb;
begin
  update public.messages
    set status = 'streaming', run_id = p_run_id, stop_requested_at = null, finish_reason = null,
        lease_expires_at = clock_timestamp() + private.lease(), content = '', parts = '[]',
        model = coalesce(p_model, model), cost_usd = null,
        usage = v_usage || jsonb_build_object('input_tokens', v_input, 'total_tokens', v_input)
    where id = m.id and user_id = m.user_id
    returning * into m;
  v_reserved := private.reserve_or_raise(m, p_reserve);
  perform private.save_earlier(m.user_id, p_run_id, p_parts);
  return v_reserved;
end;
$$;

-- Continues an answer whose calls wait for nobody any more, in the same message. Idempotent by run.
-- Answers {"answer": "started", ...} as begin_generation does, with the checkpoint that has the message's
-- parts and the definitions of its calls; "running" or "ended" with the message; "not_ready" with
-- remaining; "busy", "not_found" and "over_limit" as begin_generation does.
create function public.continue_generation(
  p_chat_id uuid,
  p_message_id uuid,
  p_run uuid,
  p_model text default null,
  p_reserve jsonb default null,
  p_user_id uuid default auth.uid()
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
  v_run_id constant uuid := private.run_id(p_run);
  v_chat public.chats;
  m public.messages;
  q public.messages;
  v_running uuid;
  v_summary jsonb;
  v_reserved jsonb;
begin
  select * into v_chat from public.chats where id = p_chat_id and user_id = v_user for update;
  if not found then
    return jsonb_build_object('answer', 'not_found', 'missing', 'chat');
  end if;
  perform private.end_lapsed(v_user, p_chat_id);
  select * into m from public.messages
    where id = p_message_id and chat_id = p_chat_id and user_id = v_user and role = 'assistant'
    for update;
  if not found then
    return jsonb_build_object('answer', 'not_found', 'missing', 'message');
  end if;
  select * into q from public.messages
    where id = m.parent_id and chat_id = p_chat_id and user_id = v_user and role = 'user';
  v_summary := private.call_summary(v_user, m.id);
  if m.status = 'streaming' and m.run_id = v_run_id then
    -- A repeat of this very call, after its first answer was lost.
    v_reserved := private.reserve_or_raise(m, p_reserve);
    return private.started(v_chat, q, m, v_reserved)
      || jsonb_build_object('checkpoint', 1, 'definitions', v_summary -> 'definitions');
  end if;
  -- Nobody waits for an answer without its question, or for a version that was replaced.
  if m.status = 'awaiting' and (q.id is null or not m.is_active) then
    perform private.supersede_calls(v_user, p_chat_id,
      'Not run: the person wrote something else instead.');
    select * into m from public.messages where id = m.id and user_id = v_user;
  end if;
  if m.status <> 'awaiting' then
    return jsonb_build_object(
      'answer', case m.status when 'streaming' then 'running' else 'ended' end,
      'message', private.message_json(m), 'user_message', private.message_json(q));
  end if;
  select id into v_running from public.messages
    where chat_id = p_chat_id and user_id = v_user and status = 'streaming';
  if not found then
    v_running := private.find_call_at_work(v_user, p_chat_id);
  end if;
  if v_running is not null then
    return jsonb_build_object('answer', 'busy', 'message_id', v_running);
  end if;
  if (v_summary ->> 'remaining')::bigint > 0 then
    return jsonb_build_object('answer', 'not_ready', 'remaining', v_summary -> 'remaining',
      'message', private.message_json(m), 'user_message', private.message_json(q));
  end if;
  perform private.end_calls(v_user, m.id, 'expired', 'There was no answer from the page in time.');
  v_reserved := private.begin_again(m, q, v_run_id,
    private.with_outcomes(m.parts, private.outcomes(v_user, m.id)), p_model, p_reserve);
  select * into m from public.messages where id = m.id and user_id = v_user;
  return private.started(v_chat, q, m, v_reserved)
    || jsonb_build_object('checkpoint', 1, 'definitions', v_summary -> 'definitions');
exception when sqlstate 'CB429' then
  return jsonb_build_object('answer', 'over_limit',
    'over_limit', private.over_limit(v_user, p_reserve));
end;
$$;

------------------------------------------------------------------------ beginning, ending, stopping

-- As before; a question whose answer waits is answered, and a new answer supersedes what waits.
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
    if v_answer.status in ('streaming', 'complete', 'stopped', 'awaiting') then
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
          and role = 'assistant' and is_active
          and status in ('complete', 'stopped', 'awaiting')
    )) then
      return jsonb_build_object('answer', 'nothing_to_answer');
    end if;
  end if;

  -- A version that an edit has replaced gets no new answers.
  if v_question.role <> 'user' or not v_question.is_active then
    return jsonb_build_object('answer', 'conflict');
  end if;

  perform private.supersede_calls(v_user, p_chat_id,
    'Not run: the person wrote something else instead.');

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

-- As before; with the status awaiting, p_end names in tool_calls the calls that wait
-- (private.add_tool_calls).
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
  v_content constant text := coalesce(p_content, private.text_of(p_parts));
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
  if v_user is not null then
    perform private.lock_run(v_user, v_run_id);
  end if;
  if p_end ->> 'status' in ('interrupted', 'failed') and exists (
    select 1 from public.messages
      where id = p_message_id and user_id = v_user and run_id = v_run_id
        and (status = 'stopped' or stop_requested_at is not null)
  ) then
    p_end := p_end || '{"status": "stopped", "finish_reason": "stopped"}';
    p_metadata := (p_metadata - 'error') || '{"finish_reason": "stopped"}';
  end if;
  -- A row that others have ended keeps its lease: it belongs to its run until that has had its last word
  -- or another attempt is made.
  update public.messages t
    -- An answer only grows: a checkpoint with less of it was sent before the last one and came late.
    set content = case
          when p_end is null and octet_length(v_content) < octet_length(content) then content
          else coalesce(v_content, (private.as_saved(t)).content) end,
        parts = case
          when p_end is null and octet_length(v_content) < octet_length(content) then parts
          else coalesce(p_parts, (private.as_saved(t)).parts) end,
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
  if v_owned and m.status = 'awaiting' then
    perform private.add_tool_calls(m, p_end -> 'tool_calls');
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

-- As before; what waits is superseded.
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
  select * into m from public.messages
    where chat_id = p_chat_id and user_id = v_user and status = 'streaming';
  if found then
    perform private.lock_run(v_user, m.run_id);
  end if;
  update public.messages
    set stop_requested_at = coalesce(stop_requested_at, clock_timestamp())
    where chat_id = p_chat_id and user_id = v_user and status = 'streaming'
    returning * into m;
  if found and m.stop_requested_at >= clock_timestamp() - interval '4 seconds' then
    return jsonb_build_object('running', true, 'message', private.message_json(m));
  elsif found then
    m := private.end_with_saved(m, 'stopped');
    return jsonb_build_object('running', false, 'message', private.message_json(m));
  end if;
  perform private.supersede_calls(v_user, p_chat_id, 'Not run: the answer was stopped.');
  select * into m from public.messages
    where chat_id = p_chat_id and user_id = v_user and role = 'assistant' and is_active
    order by created_at desc, id desc limit 1;
  return jsonb_build_object('running', false,
    'message', case when found then private.message_json(m) end);
end;
$$;

--------------------------------------------------------------------------------------------- grants

revoke execute on function private.with_outcomes(jsonb, jsonb) from public, anon;
revoke execute on function private.outcomes(uuid, uuid) from public, anon;
revoke execute on function private.add_tool_calls(public.messages, jsonb) from public, anon;
revoke execute on function private.end_calls(uuid, uuid, text, text) from public, anon;
revoke execute on function private.supersede_calls(uuid, uuid, text) from public, anon;
revoke execute on function private.record_outcomes(uuid, uuid, jsonb) from public, anon;
revoke execute on function private.call_summary(uuid, uuid) from public, anon;
revoke execute on function private.message_of_call(uuid, uuid, text) from public, anon;
revoke execute on function private.save_earlier(uuid, uuid, jsonb) from public, anon;
revoke execute on function private.begin_again(public.messages, public.messages, uuid, jsonb, text, jsonb)
  from public, anon;
revoke execute on function public.answer_tool_calls(uuid, jsonb, uuid, uuid) from public, anon;
revoke execute on function public.continue_generation(uuid, uuid, uuid, text, jsonb, uuid)
  from public, anon;
grant execute on function private.with_outcomes(jsonb, jsonb) to authenticated, service_role;
grant execute on function private.outcomes(uuid, uuid) to authenticated, service_role;
grant execute on function private.add_tool_calls(public.messages, jsonb)
  to authenticated, service_role;
grant execute on function private.end_calls(uuid, uuid, text, text) to authenticated, service_role;
grant execute on function private.supersede_calls(uuid, uuid, text) to authenticated, service_role;
grant execute on function private.record_outcomes(uuid, uuid, jsonb) to authenticated, service_role;
grant execute on function private.call_summary(uuid, uuid) to authenticated, service_role;
grant execute on function private.message_of_call(uuid, uuid, text) to authenticated, service_role;
grant execute on function private.save_earlier(uuid, uuid, jsonb) to authenticated, service_role;
grant execute on function private.begin_again(public.messages, public.messages, uuid, jsonb, text, jsonb)
  to authenticated, service_role;
grant execute on function public.answer_tool_calls(uuid, jsonb, uuid, uuid)
  to authenticated, service_role;
grant execute on function public.continue_generation(uuid, uuid, uuid, text, jsonb, uuid)
  to authenticated, service_role;
