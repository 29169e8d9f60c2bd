-- Calls that wait for a person's decision, and what runs them once. ARCHITECTURE.md ("Calls that wait") says
-- why.
--
-- The functions are called with the user's own token, so a user can call them too: for messages and calls of
-- their own making. What makes a call the model's is its seal, which only servers can make and which they
-- verify before they run anything. Here a decision is made once, and a call is run once.

------------------------------------------------------------------------------------------- tables

alter table private.tool_calls
  -- The tool's name at its source, what people call it, and where it runs.
  add column source_tool text,
  add column title text,
  add column target text,
  -- Why a person is asked.
  add column policy_reason text,
  -- JSON Pointers of arguments that are not shown.
  add column redact jsonb,
  -- The digest of the arguments, which a client may send with its decision.
  add column arguments_digest text,
  -- Whether a call whose outcome is not known may be made again.
  add column is_repeatable boolean not null default false,
  add column may_edit boolean not null default false,
  add column may_remember boolean not null default false,
  -- The decision, by whom, and why.
  add column approved boolean,
  add column decided_by uuid,
  add column reason text
    constraint tool_calls_reason_check check (char_length(reason) <= 1000),
  -- The model's arguments, where the person has changed them.
  add column edited_from jsonb,
  -- The run that makes the call, and how often it was made.
  add column run_id uuid,
  add column attempts integer not null default 0;
alter table private.tool_calls drop constraint tool_calls_outcome_check;
alter table private.tool_calls add constraint tool_calls_outcome_check
  check (jsonb_typeof(outcome) = 'object' and octet_length(outcome::text) <= 4194304);
create index tool_calls_pending_idx on private.tool_calls (user_id, created_at, id)
  where state = 'pending';

-- What a person has allowed for the rest of a chat: a tool as it was then. Can be reached through the
-- functions below alone.
create table private.tool_grants (
  user_id uuid not null,
  chat_id uuid not null references public.chats (id) on delete cascade,
  source text not null,
  tool text not null,
  definition_digest text not null,
  -- The server's seal over these.
  seal text not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint tool_grants_pkey primary key (chat_id, user_id, source, tool, definition_digest)
);
alter table private.tool_grants enable row level security;
revoke all on private.tool_grants from public, anon, authenticated;
grant truncate on private.tool_grants to service_role;

------------------------------------------------------------------------------------------ the calls

-- A part's metadata with the arguments that the model has written, where the person has changed them: a
-- provider gets back what it has sent.
create function private.with_sent_arguments(p_part jsonb, p_edited_from jsonb) returns jsonb
  language sql immutable set search_path = ''
  as $$
    select jsonb_build_object('callProviderMetadata', coalesce(
        case when jsonb_typeof(p_part -> 'callProviderMetadata') = 'object'
          then p_part -> 'callProviderMetadata' end, '{}')
      || jsonb_build_object('chat-backend', coalesce(
          case when jsonb_typeof(p_part #> '{callProviderMetadata,chat-backend}') = 'object'
            then p_part #> '{callProviderMetadata,chat-backend}' end, '{}')
        || jsonb_build_object('edited', true, 'arguments', coalesce(
          p_part #>> '{callProviderMetadata,chat-backend,arguments}', p_edited_from::text))))
  $$;

-- What a person and the model are told of a call whose run was lost.
create function private.unknown_outcome() returns text
  language sql immutable set search_path = ''
  as $$
    select 'It is not known whether this call was carried out: the server was lost while it ran. Ask the '
      || 'person to look before it is made again.'
  $$;

-- What a call has come to: {"output"}, or {"error"} with a sentence.
create function private.require_outcome(p_outcome jsonb) returns void
  language plpgsql immutable set search_path = '' as $$
begin
  if jsonb_typeof(p_outcome) is distinct from 'object'
     or (select count(*) from jsonb_object_keys(p_outcome)) <> 1
     or not (p_outcome ? 'output' or jsonb_typeof(p_outcome -> 'error') is not distinct from 'string') then
    raise exception 'an outcome is {"output"} or {"error"}' using errcode = '22023';
  end if;
end;
$$;

-- The parts with what became of their calls, by the call's id: {"output"}, {"error"}, {"denied"} with the
-- reason or null, or {"approved"}. A call that has a result keeps it.
create or replace function private.with_outcomes(p_parts jsonb, p_outcomes jsonb) returns jsonb
  language sql immutable set search_path = ''
  as $$
    select coalesce(jsonb_agg(
        case
          when e.part ->> 'state' is null or o.outcome is null
            or e.part ->> 'state' not in ('input-available', 'approval-requested',
              'approval-responded') then e.part
          when o.outcome ? 'output' then e.part
            || jsonb_build_object('state', 'output-available', 'output', o.outcome -> 'output')
          when o.outcome ? 'denied' then e.part
            || jsonb_build_object('state', 'output-denied', 'approval',
              jsonb_strip_nulls(jsonb_build_object('id', o.outcome -> 'id', 'approved', false,
                'reason', o.outcome -> 'denied')))
          when o.outcome ? 'approved' then e.part
            || jsonb_build_object('state', 'approval-responded', 'approval', jsonb_strip_nulls(
              jsonb_build_object('id', o.outcome -> 'id', 'approved', true,
                'reason', o.outcome -> 'approved')))
            || case
                when o.outcome -> 'edited' = 'null' then '{}'
                else private.with_sent_arguments(e.part, o.outcome -> 'edited')
                  || jsonb_build_object('input', o.outcome -> 'arguments')
              end
          else case
              when e.part #> '{approval,approved}' = 'true' then e.part
              else e.part - 'approval'
            end
            || jsonb_build_object('state', 'output-error', 'errorText', o.outcome -> 'error')
        end order by e.place), '[]')
      from jsonb_array_elements(p_parts) with ordinality e (part, place),
        lateral (select p_outcomes -> (e.part ->> 'toolCallId') as outcome) o
  $$;

-- What became of a message's calls, as far as it is known, by their ids.
create or replace function private.outcomes(p_user_id uuid, p_message_id uuid) returns jsonb
  language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  return (
    select coalesce(jsonb_object_agg(c.call_id, case
        when c.outcome is null then jsonb_build_object('approved', c.reason, 'id', c.id,
          'arguments', c.arguments, 'edited', c.edited_from)
        when c.state = 'denied' then c.outcome || jsonb_build_object('id', c.id)
        else c.outcome end), '{}')
      from private.tool_calls c
      where c.message_id = p_message_id and c.user_id = p_user_id
        and (c.outcome is not null or c.state in ('approved', 'running')));
end;
$$;

-- Remembers the calls with which an answer begins to wait. Of each: {call_id, source, tool, definition,
-- definition_digest, arguments, expires_in_s}; of one that waits for a decision also {id, source_tool, title,
-- target, policy, policy_reason, redact, arguments_digest, is_repeatable, may_edit, may_remember, seal}.
create or replace function private.add_tool_calls(m public.messages, p_calls jsonb) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(m.user_id);
  insert into private.tool_calls (id, user_id, chat_id, message_id, call_id, message_parts, source, tool,
      definition, definition_digest, arguments, state, expires_at, source_tool, title, target, policy,
      policy_reason, redact, arguments_digest, is_repeatable, may_edit, may_remember, seal)
    select coalesce(c.id, gen_random_uuid()), m.user_id, m.chat_id, m.id, c.call_id,
        jsonb_array_length(m.parts), c.source, c.tool, c.definition, c.definition_digest, c.arguments,
        case when c.policy is null then 'waiting' else 'pending' end,
        clock_timestamp() + least(greatest(c.expires_in_s, 1), 2592000) * interval '1 second',
        c.source_tool, c.title, c.target, c.policy, c.policy_reason, c.redact, c.arguments_digest,
        coalesce(c.is_repeatable, false), coalesce(c.may_edit, false),
        coalesce(c.may_remember, false), c.seal
      from jsonb_to_recordset(coalesce(p_calls, '[]')) as c (id uuid, call_id text, source text,
        tool text, definition jsonb, definition_digest text, arguments jsonb, expires_in_s integer,
        source_tool text, title text, target text, policy text, policy_reason text, redact jsonb,
        arguments_digest text, is_repeatable boolean, may_edit boolean, may_remember boolean, seal text)
    on conflict (message_id, call_id) do nothing;
end;
$$;

-- Ends the calls of a message that nobody has answered or run: as superseded, or those whose time is over as
-- expired. What became of one that was being run is not known.
create or replace function private.end_calls(
  p_user_id uuid, p_message_id uuid, p_state text, p_error text
) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  update private.tool_calls
    set state = case when state = 'running' then 'unknown' else p_state end,
        outcome = jsonb_build_object('error', case
          when state = 'running' then private.unknown_outcome()
          when state = 'pending' and p_state = 'expired'
            then 'Not run: the person did not decide in time.'
          else p_error end),
        decided_at = coalesce(decided_at, clock_timestamp())
    where message_id = p_message_id and user_id = p_user_id
      and state in ('pending', 'waiting', 'approved', 'running')
      and (p_state <> 'expired'
        or (state in ('pending', 'waiting') and expires_at < clock_timestamp()));
end;
$$;

-- Records what was answered, by the calls' ids; the first answer counts. Of each call: recorded, same (it
-- was answered so before), decided (it was answered otherwise), superseded, expired, or unknown.
create or replace function private.record_outcomes(p_user_id uuid, p_message_id uuid, p_outcomes jsonb)
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
    perform private.require_outcome(o.value);
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

-- A call as the server reads it.
create function private.call_json(c private.tool_calls) returns jsonb
  language sql stable set search_path = ''
  as $$
    select jsonb_build_object('id', c.id, 'chat_id', c.chat_id, 'message_id', c.message_id,
      'call_id', c.call_id, 'source', c.source, 'source_tool', c.source_tool, 'tool', c.tool,
      'title', c.title, 'target', c.target, 'policy', c.policy, 'policy_reason', c.policy_reason,
      'redact', c.redact, 'definition_digest', c.definition_digest, 'arguments', c.arguments,
      'arguments_digest', c.arguments_digest, 'is_repeatable', c.is_repeatable,
      'may_edit', c.may_edit, 'may_remember', c.may_remember, 'seal', c.seal,
      'is_edited', c.edited_from is not null, 'approved', c.approved, 'reason', c.reason,
      'expires_at', c.expires_at, 'created_at', c.created_at,
      'state', case when c.state in ('pending', 'waiting') and c.expires_at < clock_timestamp()
        then 'expired' else c.state end)
  $$;

-- The calls of a message that are approved and have no outcome.
create function private.calls_to_run(p_user_id uuid, p_message_id uuid) returns jsonb
  language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  return (
    select coalesce(jsonb_agg(private.call_json(c) order by c.call_id), '[]')
      from private.tool_calls c
      where c.message_id = p_message_id and c.user_id = p_user_id
        and c.state in ('approved', 'running'));
end;
$$;

-- The call with this approval's or call's id: of several the newest.
create function private.id_of_call(p_user_id uuid, p_chat_id uuid, p_call text) returns uuid
  language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  return (
    select c.id from private.tool_calls c
      where c.chat_id = p_chat_id and c.user_id = p_user_id
        and (c.call_id = p_call or c.id::text = p_call)
      order by c.created_at desc, c.id desc limit 1);
end;
$$;

-- A call of the user's.
create function private.read_call(p_user_id uuid, p_id uuid) returns jsonb
  language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  return (select private.call_json(c) from private.tool_calls c
    where c.id = p_id and c.user_id = p_user_id);
end;
$$;

-- The call with this approval's or call's id; null if the chat has none.
create function public.find_tool_call(
  p_chat_id uuid, p_call text, p_user_id uuid default auth.uid()
) returns jsonb
  language plpgsql stable set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
begin
  if v_user is null then
    return null;
  end if;
  return private.read_call(v_user, private.id_of_call(v_user, p_chat_id, p_call));
end;
$$;

-- What waits for the user's decision, the oldest first, after the call p_after; at most p_limit of them and
-- about 8 MiB.
create function private.list_pending(p_user_id uuid, p_limit bigint, p_after uuid) returns jsonb
  language plpgsql stable security definer set search_path = '' as $$
declare
  v_after private.tool_calls;
begin
  perform private.require_caller(p_user_id);
  select * into v_after from private.tool_calls where id = p_after and user_id = p_user_id;
  return (
    select coalesce(jsonb_agg(private.call_json(l.c) order by (l.c).created_at, (l.c).id), '[]')
      from (
        select p.c, sum(octet_length((p.c).arguments::text))
            over (order by (p.c).created_at, (p.c).id) as bytes
          from (
            select c from private.tool_calls c
              join public.messages m on m.id = c.message_id and m.user_id = c.user_id
              where c.user_id = p_user_id and c.state = 'pending'
                and c.expires_at >= clock_timestamp()
                and m.status = 'awaiting' and m.is_active and m.parent_id is not null
                and (v_after.id is null or (c.created_at, c.id) > (v_after.created_at, v_after.id))
              order by c.created_at, c.id
              limit least(greatest(p_limit, 1), 201)
          ) p
      ) l
      where l.bytes <= 8388608);
end;
$$;

create function public.pending_tool_calls(
  p_limit bigint default 50, p_after uuid default null, p_user_id uuid default auth.uid()
) returns jsonb
  language plpgsql stable set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
begin
  if v_user is null then
    return '[]';
  end if;
  return private.list_pending(v_user, p_limit, p_after);
end;
$$;

------------------------------------------------------------------------------------------ decisions

-- Decides on a call. One word: recorded; same or decided (it was decided so, or otherwise, before);
-- arguments_changed; not_editable; expired; superseded; unknown (nobody is asked about this call).
create function private.record_decision(
  p_user_id uuid, p_id uuid, p_approved boolean, p_reason text, p_digest text, p_edit jsonb,
  p_grant_seal text
) returns text
  language plpgsql security definer set search_path = '' as $$
declare
  c private.tool_calls;
begin
  perform private.require_caller(p_user_id);
  select * into c from private.tool_calls where id = p_id and user_id = p_user_id for update;
  if not found or c.policy is null then
    return 'unknown';
  elsif c.state = 'expired' or (c.state = 'pending' and c.expires_at < clock_timestamp()) then
    return 'expired';
  elsif c.state = 'superseded' and c.approved is distinct from p_approved then
    return 'superseded';
  elsif c.state <> 'pending' then
    return case
      when c.approved = p_approved
        and coalesce(p_edit ->> 'arguments_digest', c.arguments_digest) = c.arguments_digest
        then 'same'
      else 'decided' end;
  elsif c.arguments_digest is distinct from coalesce(p_digest, c.arguments_digest) then
    return 'arguments_changed';
  elsif p_edit is not null and not (c.may_edit and p_approved) then
    return 'not_editable';
  end if;
  update private.tool_calls
    set state = case when p_approved then 'approved' else 'denied' end, approved = p_approved,
        decided_at = clock_timestamp(), decided_by = p_user_id, reason = p_reason,
        outcome = case when not p_approved then jsonb_build_object('denied', p_reason) end,
        edited_from = case when p_edit is not null then arguments end,
        arguments = coalesce(p_edit -> 'arguments', arguments),
        arguments_digest = coalesce(p_edit ->> 'arguments_digest', arguments_digest),
        seal = case when p_edit is not null then p_edit ->> 'seal' else seal end
    where id = c.id;
  if p_approved and c.may_remember and p_grant_seal is not null then
    insert into private.tool_grants (user_id, chat_id, source, tool, definition_digest, seal)
      values (p_user_id, c.chat_id, c.source, coalesce(c.source_tool, c.tool),
        coalesce(c.definition_digest, ''), p_grant_seal)
      on conflict on constraint tool_grants_pkey do update set seal = excluded.seal;
  end if;
  return 'recorded';
end;
$$;

-- Approves or denies a call, named by its approval's or its own id: the first decision counts.
-- p_digest is the digest of the arguments that the person has seen; p_edit changes them: {"arguments",
-- "arguments_digest", "seal"}; p_grant_seal allows the tool for the rest of the chat.
-- Answers {"answer", "state", "approved", "message_id", "remaining", "message_parts"}, where answer is one
-- word (private.record_decision). Null if there is no such call.
create function public.decide_tool_call(
  p_chat_id uuid,
  p_call text,
  p_approved boolean,
  p_reason text default null,
  p_digest text default null,
  p_edit jsonb default null,
  p_grant_seal text default null,
  p_user_id uuid default auth.uid()
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
  v_id uuid;
  v_call jsonb;
  v_answer text;
  m public.messages;
begin
  perform 1 from public.chats where id = p_chat_id and user_id = v_user for update;
  if not found then
    return null;
  end if;
  v_id := private.id_of_call(v_user, p_chat_id, p_call);
  v_call := private.read_call(v_user, v_id);
  select * into m from public.messages
    where id = (v_call ->> 'message_id')::uuid and chat_id = p_chat_id and user_id = v_user
    for update;
  if not found then
    return null;
  end if;
  v_answer := private.record_decision(
    v_user, v_id, p_approved, p_reason, p_digest, p_edit, p_grant_seal);
  if m.status = 'awaiting' then
    update public.messages
      set parts = private.with_outcomes(m.parts, private.outcomes(v_user, m.id))
      where id = m.id and user_id = v_user;
  end if;
  v_call := private.read_call(v_user, v_id);
  return jsonb_build_object('answer', v_answer, 'state', v_call -> 'state',
      'approved', v_call -> 'approved', 'message_id', m.id, 'remaining', 0, 'message_parts', 0)
    || coalesce(private.call_summary(v_user, m.id), '{}') - 'definitions';
end;
$$;

-- What the user has allowed for the rest of a chat.
create function private.list_grants(p_user_id uuid, p_chat_id uuid) returns jsonb
  language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  return (
    select coalesce(jsonb_agg(jsonb_build_object('source', l.source, 'tool', l.tool,
        'definition_digest', l.definition_digest, 'seal', l.seal)
        order by l.source, l.tool, l.definition_digest), '[]')
      from (
        select g.* from private.tool_grants g
          where g.chat_id = p_chat_id and g.user_id = p_user_id
          order by g.created_at desc limit 1000
      ) l);
end;
$$;

create function public.tool_grants(p_chat_id uuid, p_user_id uuid default auth.uid()) returns jsonb
  language plpgsql stable set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
begin
  if v_user is null then
    return '[]';
  end if;
  return private.list_grants(v_user, p_chat_id);
end;
$$;

-------------------------------------------------------------------------------------------- running

-- Takes a call for a run: {"answer", "call"}. claimed: the run may make it now, and nobody else.
-- Otherwise what has become of it: its state. A call that another run had taken and that may be repeated is
-- given out again, up to five times; of others it is not known whether they were carried out.
create function private.take_call(p_user_id uuid, p_message_id uuid, p_call_id text, p_run_id uuid)
  returns jsonb
  language plpgsql security definer set search_path = '' as $$
declare
  c private.tool_calls;
begin
  perform private.require_caller(p_user_id);
  select * into c from private.tool_calls
    where message_id = p_message_id and user_id = p_user_id and call_id = p_call_id for update;
  if not found then
    return null;
  elsif c.state = 'running' and c.run_id is distinct from p_run_id
     and (not c.is_repeatable or c.attempts >= 5) then
    update private.tool_calls
      set state = 'unknown', outcome = jsonb_build_object('error', private.unknown_outcome())
      where id = c.id returning * into c;
  end if;
  if c.state not in ('approved', 'running') then
    return jsonb_build_object('answer', c.state, 'outcome', c.outcome);
  end if;
  if c.state = 'approved' or c.run_id is distinct from p_run_id then
    update private.tool_calls
      set state = 'running', run_id = p_run_id, attempts = attempts + 1
      where id = c.id returning * into c;
  end if;
  return jsonb_build_object('answer', 'claimed', 'call', private.call_json(c));
end;
$$;

-- Takes an approved call for the run that writes its message; its lease is the run's. Idempotent by run.
-- Null if the message is not the run's any more, is to stop, or has no such call.
create function public.claim_tool_call(
  p_message_id uuid, p_run uuid, p_call_id text, p_user_id uuid default auth.uid()
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
  v_run_id constant uuid := private.run_id(p_run);
  m public.messages;
begin
  if v_user is null then
    return null;
  end if;
  perform private.lock_run(v_user, v_run_id);
  select * into m from public.messages
    where id = p_message_id and user_id = v_user and run_id = v_run_id and status = 'streaming'
      and stop_requested_at is null and parent_id is not null;
  if not found or public.current_status(m) <> 'streaming' then
    return null;
  end if;
  return private.take_call(v_user, p_message_id, p_call_id, v_run_id);
end;
$$;

-- Ends a call that a run has taken; whether it was the run's still.
create function private.end_call(
  p_user_id uuid, p_message_id uuid, p_call_id text, p_run_id uuid, p_state text, p_outcome jsonb
) returns boolean
  language plpgsql security definer set search_path = '' as $$
declare
  c private.tool_calls;
begin
  perform private.require_caller(p_user_id);
  perform private.require_outcome(p_outcome);
  if p_state not in ('done', 'failed', 'superseded', 'unknown') then
    raise exception 'a call does not end as %', p_state using errcode = '22023';
  end if;
  select * into c from private.tool_calls
    where message_id = p_message_id and user_id = p_user_id and call_id = p_call_id for update;
  if c.state = 'running' and c.run_id = p_run_id then
    update private.tool_calls set state = p_state, outcome = p_outcome where id = c.id;
    return true;
  end if;
  return coalesce(c.run_id = p_run_id and c.state = p_state and c.outcome = p_outcome, false);
end;
$$;

-- Records what a call has come to: done, failed, superseded (it was not run) or unknown, with {"output"} or
-- {"error"}. Only for the run that has taken it; false for any other.
create function public.finish_tool_call(
  p_message_id uuid, p_run uuid, p_call_id text, p_state text, p_outcome jsonb,
  p_user_id uuid default auth.uid()
) returns boolean
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
begin
  return v_user is not null and private.end_call(
    v_user, p_message_id, p_call_id, private.run_id(p_run), p_state, p_outcome);
end;
$$;

------------------------------------------------------------------------------- messages and their calls

-- Whether a message has calls, and whether some of them are approved and have no outcome.
create function private.has_calls(p_user_id uuid, p_message_id uuid, p_to_run boolean) returns boolean
  language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  return exists (
    select 1 from private.tool_calls c
      where c.message_id = p_message_id and c.user_id = p_user_id
        and (not p_to_run or c.state in ('approved', 'running')));
end;
$$;

-- A message that has just ended, with what that means for its calls: one that was interrupted goes on
-- waiting for those that were approved; of others none is run any more.
create function private.settle_calls(m public.messages) returns public.messages
  language plpgsql set search_path = '' as $$
declare
  v_waits boolean;
  v_parts jsonb;
begin
  if m.id is null or not private.has_calls(m.user_id, m.id, false) then
    return m;
  end if;
  v_waits := m.status = 'interrupted' and private.has_calls(m.user_id, m.id, true);
  if not v_waits then
    perform private.end_calls(m.user_id, m.id, 'superseded', 'Not run: the answer ended before.');
  end if;
  v_parts := private.with_outcomes(m.parts, private.outcomes(m.user_id, m.id));
  if v_waits or v_parts <> m.parts then
    update public.messages
      set status = case when v_waits then 'awaiting' else status end,
          finish_reason = case when v_waits then 'tool-calls' else finish_reason end,
          parts = v_parts
      where id = m.id and user_id = m.user_id
      returning * into m;
  end if;
  return m;
end;
$$;

-- Ends the calls of answers that wait and are not shown any more. The chat is locked.
create function private.supersede_hidden_calls(p_user_id uuid, p_chat_id uuid) returns void
  language plpgsql set search_path = '' as $$
declare
  m public.messages;
begin
  for m in
    select * from public.messages
      where chat_id = p_chat_id and user_id = p_user_id and status = 'awaiting' and not is_active
      for update
  loop
    perform private.end_calls(p_user_id, m.id, 'superseded',
      'Not run: the person went on with another version.');
    update public.messages
      set status = 'complete',
          parts = private.with_outcomes(m.parts, private.outcomes(p_user_id, m.id))
      where id = m.id and user_id = p_user_id;
  end loop;
end;
$$;

-- As before; a message of which approved calls are left goes on waiting when its run is lost.
create or replace function private.end_with_saved(m public.messages, p_status text) returns public.messages
  language plpgsql set search_path = '' as $$
begin
  m := private.as_saved(m);
  update public.messages
    set status = p_status, finish_reason = p_status, content = m.content, parts = m.parts,
        model = m.model, metadata = m.metadata, usage = m.usage, cost_usd = m.cost_usd
    where id = m.id and user_id = m.user_id and status = 'streaming'
    returning * into m;
  return private.settle_calls(m);
end;
$$;

-- As before; the calls of a message that ends otherwise than waiting are ended as well.
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
  elsif v_owned and p_end is not null then
    m := private.settle_calls(m);
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

-- As before; "calls" are those that were approved and that the run is to make (claim_tool_call).
create or replace function public.continue_generation(
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
      || jsonb_build_object('checkpoint', 1, 'definitions', v_summary -> 'definitions',
           'calls', private.calls_to_run(v_user, m.id));
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
    || jsonb_build_object('checkpoint', 1, 'definitions', v_summary -> 'definitions',
           'calls', private.calls_to_run(v_user, m.id));
exception when sqlstate 'CB429' then
  return jsonb_build_object('answer', 'over_limit',
    'over_limit', private.over_limit(v_user, p_reserve));
end;
$$;

-- As before; what waits in versions that are not shown any more is superseded.
create or replace function public.select_message(p_message_id uuid) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := auth.uid();
  m public.messages;
  v_running uuid;
  v_newest uuid;               -- the newest message of its continuation
begin
  select * into m from public.messages where id = p_message_id and user_id = v_user;
  if not found then
    return jsonb_build_object('answer', 'not_found');
  end if;
  perform 1 from public.chats where id = m.chat_id and user_id = v_user for update;
  perform private.end_lapsed(v_user, m.chat_id);
  select id into v_running from public.messages
    where chat_id = m.chat_id and user_id = v_user and status = 'streaming';
  if not found then
    v_running := private.find_call_at_work(v_user, m.chat_id);
  end if;
  if v_running is not null then
    return jsonb_build_object('answer', 'busy', 'message_id', v_running);
  end if;

  -- Users can make circles of parents; union ends them.
  with recursive continuation as (
    select t.id, t.created_at from public.messages t where t.id = m.id
    union
    select c.id, c.created_at
      from continuation p join public.messages c on c.parent_id = p.id
      where c.chat_id = m.chat_id and c.user_id = v_user and c.parts <> '[]' and c.replaces is null
        and not private.is_queued(v_user, c.id)
  )
  select c.id into v_newest from continuation c order by c.created_at desc, c.id desc limit 1;
  perform private.activate_path(v_user, m.chat_id, private.path_to(v_user, v_newest));
  perform private.supersede_hidden_calls(v_user, m.chat_id);
  select * into m from public.messages where id = m.id and user_id = v_user;
  return jsonb_build_object('answer', 'selected', 'message', private.message_json(m));
end;
$$;

--------------------------------------------------------------------------------------------- grants

revoke execute on function private.with_sent_arguments(jsonb, jsonb) from public, anon;
revoke execute on function private.unknown_outcome() from public, anon;
revoke execute on function private.require_outcome(jsonb) from public, anon;
revoke execute on function private.call_json(private.tool_calls) from public, anon;
revoke execute on function private.calls_to_run(uuid, uuid) from public, anon;
revoke execute on function private.id_of_call(uuid, uuid, text) from public, anon;
revoke execute on function private.read_call(uuid, uuid) from public, anon;
revoke execute on function private.list_pending(uuid, bigint, uuid) from public, anon;
revoke execute on function private.record_decision(uuid, uuid, boolean, text, text, jsonb, text)
  from public, anon;
revoke execute on function private.list_grants(uuid, uuid) from public, anon;
revoke execute on function private.take_call(uuid, uuid, text, uuid) from public, anon;
revoke execute on function private.end_call(uuid, uuid, text, uuid, text, jsonb) from public, anon;
revoke execute on function private.has_calls(uuid, uuid, boolean) from public, anon;
revoke execute on function private.settle_calls(public.messages) from public, anon;
revoke execute on function private.supersede_hidden_calls(uuid, uuid) from public, anon;
grant execute on function private.with_sent_arguments(jsonb, jsonb) to authenticated, service_role;
grant execute on function private.calls_to_run(uuid, uuid) to authenticated, service_role;
grant execute on function private.id_of_call(uuid, uuid, text) to authenticated, service_role;
grant execute on function private.read_call(uuid, uuid) to authenticated, service_role;
grant execute on function private.list_pending(uuid, bigint, uuid) to authenticated, service_role;
grant execute on function private.record_decision(uuid, uuid, boolean, text, text, jsonb, text)
  to authenticated, service_role;
grant execute on function private.list_grants(uuid, uuid) to authenticated, service_role;
grant execute on function private.take_call(uuid, uuid, text, uuid) to authenticated, service_role;
grant execute on function private.end_call(uuid, uuid, text, uuid, text, jsonb)
  to authenticated, service_role;
grant execute on function private.has_calls(uuid, uuid, boolean) to authenticated, service_role;
grant execute on function private.settle_calls(public.messages) to authenticated, service_role;
grant execute on function private.supersede_hidden_calls(uuid, uuid)
  to authenticated, service_role;

revoke execute on function public.find_tool_call(uuid, text, uuid) from public, anon;
revoke execute on function public.pending_tool_calls(bigint, uuid, uuid) from public, anon;
revoke execute on function public.decide_tool_call(uuid, text, boolean, text, text, jsonb, text, uuid)
  from public, anon;
revoke execute on function public.tool_grants(uuid, uuid) from public, anon;
revoke execute on function public.claim_tool_call(uuid, uuid, text, uuid) from public, anon;
revoke execute on function public.finish_tool_call(uuid, uuid, text, text, jsonb, uuid)
  from public, anon;
grant execute on function public.find_tool_call(uuid, text, uuid) to authenticated, service_role;
grant execute on function public.pending_tool_calls(bigint, uuid, uuid)
  to authenticated, service_role;
grant execute on function public.decide_tool_call(uuid, text, boolean, text, text, jsonb, text, uuid)
  to authenticated, service_role;
grant execute on function public.tool_grants(uuid, uuid) to authenticated, service_role;
grant execute on function public.claim_tool_call(uuid, uuid, text, uuid)
  to authenticated, service_role;
grant execute on function public.finish_tool_call(uuid, uuid, text, text, jsonb, uuid)
  to authenticated, service_role;
