-- What a decision says is compared with the one that counts, and a call that cannot be repeated is made once,
-- whatever becomes of its message. ARCHITECTURE.md ("Calls that wait") says why.

------------------------------------------------------------------------------------------- tables

alter table private.tool_calls
  -- The digest of the model's arguments, where the person has changed them.
  add column edited_from_digest text,
  -- Whether the seal is over the row's own id as well. Rows from before have seals that are not.
  add column binds_id boolean not null default false;

-- The calls that were made and must not be made again. A user can delete the row of a call, with its message,
-- and write it anew with the seal that it had, which is over this id: so this stays, for longer than a seal is
-- good. Can be reached through the functions below alone.
create table private.made_calls (
  id uuid primary key,
  user_id uuid not null constraint made_calls_user_fkey references auth.users (id) on delete cascade,
  -- When no seal with this id is good any more.
  expires_at timestamptz not null
);
create index made_calls_user_idx on private.made_calls (user_id);
create index made_calls_expires_idx on private.made_calls (expires_at);
alter table private.made_calls enable row level security;
revoke all on private.made_calls from public, anon, authenticated;

------------------------------------------------------------------------------------------ the calls

-- A call's arguments without those that these JSON Pointers name.
create function private.redacted(p_arguments jsonb, p_pointers jsonb) returns jsonb
  language plpgsql immutable set search_path = '' as $$
declare
  v_pointer text;
  v_path text[];
begin
  if jsonb_typeof(p_pointers) is distinct from 'array' then
    return p_arguments;
  end if;
  for v_pointer in select e from jsonb_array_elements_text(p_pointers) e where e like '/%' loop
    select array_agg(replace(replace(s.step, '~1', '/'), '~0', '~') order by s.place) into v_path
      from unnest(string_to_array(substr(v_pointer, 2), '/')) with ordinality s (step, place);
    if p_arguments #> v_path is not null then
      p_arguments := jsonb_set(p_arguments, v_path, '"•••"', false);
    end if;
  end loop;
  return p_arguments;
end;
$$;

-- As before; arguments that are not shown are not written into messages either.
create or replace function private.outcomes(p_user_id uuid, p_message_id uuid) returns jsonb
  language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  return (
    select coalesce(jsonb_object_agg(c.call_id, case
        when c.outcome is null then jsonb_build_object('approved', c.reason, 'id', c.id,
          'arguments', private.redacted(c.arguments, c.redact),
          'edited', private.redacted(c.edited_from, c.redact))
        when c.state = 'denied' then c.outcome || jsonb_build_object('id', c.id)
        else c.outcome end), '{}')
      from private.tool_calls c
      where c.message_id = p_message_id and c.user_id = p_user_id
        and (c.outcome is not null or c.state in ('approved', 'running')));
end;
$$;

-- As before; seals are over the row's id from now on.
create or replace function private.add_tool_calls(m public.messages, p_calls jsonb) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(m.user_id);
  insert into private.tool_calls (id, user_id, chat_id, message_id, call_id, message_parts, source, tool,
      definition, definition_digest, arguments, state, expires_at, source_tool, title, target, policy,
      policy_reason, redact, arguments_digest, is_repeatable, may_edit, may_remember, seal, binds_id)
    select coalesce(c.id, gen_random_uuid()), m.user_id, m.chat_id, m.id, c.call_id,
        jsonb_array_length(m.parts), c.source, c.tool, c.definition, c.definition_digest, c.arguments,
        case when c.policy is null then 'waiting' else 'pending' end,
        clock_timestamp() + least(greatest(c.expires_in_s, 1), 2592000) * interval '1 second',
        c.source_tool, c.title, c.target, c.policy, c.policy_reason, c.redact, c.arguments_digest,
        coalesce(c.is_repeatable, false), coalesce(c.may_edit, false),
        coalesce(c.may_remember, false), c.seal, true
      from jsonb_to_recordset(coalesce(p_calls, '[]')) as c (id uuid, call_id text, source text,
        tool text, definition jsonb, definition_digest text, arguments jsonb, expires_in_s integer,
        source_tool text, title text, target text, policy text, policy_reason text, redact jsonb,
        arguments_digest text, is_repeatable boolean, may_edit boolean, may_remember boolean, seal text)
    on conflict (message_id, call_id) do nothing;
end;
$$;

-- As before, with binds_id.
create or replace function private.call_json(c private.tool_calls) returns jsonb
  language sql stable set search_path = ''
  as $$
    select jsonb_build_object('id', c.id, 'chat_id', c.chat_id, 'message_id', c.message_id,
      'call_id', c.call_id, 'source', c.source, 'source_tool', c.source_tool, 'tool', c.tool,
      'title', c.title, 'target', c.target, 'policy', c.policy, 'policy_reason', c.policy_reason,
      'redact', c.redact, 'definition_digest', c.definition_digest, 'arguments', c.arguments,
      'arguments_digest', c.arguments_digest, 'is_repeatable', c.is_repeatable,
      'may_edit', c.may_edit, 'may_remember', c.may_remember, 'seal', c.seal,
      'binds_id', c.binds_id, 'is_edited', c.edited_from is not null, 'approved', c.approved,
      'reason', c.reason, 'expires_at', c.expires_at, 'created_at', c.created_at,
      'state', case when c.state in ('pending', 'waiting') and c.expires_at < clock_timestamp()
        then 'expired' else c.state end)
  $$;

-- As before; however many there are, it reads those of one page alone: in the order of the index, with each
-- one's message looked up by itself, which offset 0 keeps the planner to.
create or replace function private.list_pending(p_user_id uuid, p_limit bigint, p_after uuid)
  returns jsonb
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
              cross join lateral (
                select from public.messages m
                  where m.id = c.message_id and m.user_id = c.user_id
                    and m.status = 'awaiting' and m.is_active and m.parent_id is not null
                  offset 0) m
              where c.user_id = p_user_id and c.state = 'pending'
                and c.expires_at >= clock_timestamp()
                and (c.created_at, c.id) > (coalesce(v_after.created_at, '-infinity'),
                  coalesce(v_after.id, '00000000-0000-0000-0000-000000000000'))
              order by c.created_at, c.id
              limit least(greatest(p_limit, 1), 201)
          ) p
      ) l
      where l.bytes <= 8388608);
end;
$$;

------------------------------------------------------------------------------------------ decisions

-- As before. same is said only of a decision that says nothing else than the one that counts, with the same
-- arguments before and after a change; what it allows for the rest of the chat is allowed then as well.
create or replace function private.record_decision(
  p_user_id uuid, p_id uuid, p_approved boolean, p_reason text, p_digest text, p_edit jsonb,
  p_grant_seal text
) returns text
  language plpgsql security definer set search_path = '' as $$
declare
  c private.tool_calls;
  v_answer text := 'recorded';
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
    if c.approved is distinct from p_approved
      -- Who names no change has seen what was approved.
      or p_edit is null and p_digest is not null and p_digest is distinct from c.arguments_digest
      or p_edit is not null and p_edit ->> 'arguments_digest' is distinct from c.arguments_digest
      -- Rows from before do not say what was changed.
      or p_edit is not null and p_digest <> (case when c.edited_from is null then c.arguments_digest
        else c.edited_from_digest end) then
      return 'decided';
    end if;
    v_answer := 'same';
  elsif c.arguments_digest is distinct from coalesce(p_digest, c.arguments_digest) then
    return 'arguments_changed';
  elsif p_edit is not null and not (c.may_edit and p_approved) then
    return 'not_editable';
  else
    update private.tool_calls
      set state = case when p_approved then 'approved' else 'denied' end, approved = p_approved,
          decided_at = clock_timestamp(), decided_by = p_user_id, reason = p_reason,
          outcome = case when not p_approved then jsonb_build_object('denied', p_reason) end,
          edited_from = case when p_edit is not null then arguments end,
          edited_from_digest = case when p_edit is not null then arguments_digest end,
          arguments = coalesce(p_edit -> 'arguments', arguments),
          arguments_digest = coalesce(p_edit ->> 'arguments_digest', arguments_digest),
          seal = case when p_edit is not null then p_edit ->> 'seal' else seal end
      where id = c.id;
  end if;
  if p_approved and c.may_remember and p_grant_seal is not null then
    insert into private.tool_grants (user_id, chat_id, source, tool, definition_digest, seal)
      values (p_user_id, c.chat_id, c.source, coalesce(c.source_tool, c.tool),
        coalesce(c.definition_digest, ''), p_grant_seal)
      on conflict on constraint tool_grants_pkey do update set seal = excluded.seal;
  end if;
  return v_answer;
end;
$$;

-------------------------------------------------------------------------------------------- running

-- Remembers that a call is made; false if it was made before. Forgets some of those whose time is over. A seal
-- is good for 60 days.
create function private.note_made_call(p_user_id uuid, p_id uuid) returns boolean
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  delete from private.made_calls where id in (
    select o.id from private.made_calls o where o.expires_at < clock_timestamp()
      order by o.expires_at limit 100 for update skip locked);
  insert into private.made_calls (id, user_id, expires_at)
    values (p_id, p_user_id, clock_timestamp() + interval '90 days')
    on conflict (id) do nothing;
  return found;
end;
$$;

-- As before; one that cannot be repeated is given out once also if its row was written anew.
create or replace function private.take_call(
  p_user_id uuid, p_message_id uuid, p_call_id text, p_run_id uuid
) returns jsonb
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
  elsif c.state = 'approved' and not c.is_repeatable
     and not private.note_made_call(p_user_id, c.id) then
    update private.tool_calls
      set state = 'superseded',
          outcome = '{"error": "Not run: this call was made before, and is not made twice."}'
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

-- Ends the calls of a message that were being run when it ended: what became of them is not known.
create function private.end_running_calls(p_user_id uuid, p_message_id uuid, p_why text) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  update private.tool_calls
    set state = 'unknown', outcome = jsonb_build_object('error', format('It is not known whether this '
      'call was carried out: %s while it ran. Ask the person to look before it is made again.', p_why))
    where message_id = p_message_id and user_id = p_user_id and state = 'running';
end;
$$;

-- As before; what is said of calls that were not made, or being made, is why the message has ended.
create or replace function private.settle_calls(m public.messages) returns public.messages
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
    perform private.end_running_calls(m.user_id, m.id, case m.status
      when 'stopped' then 'the person stopped it' else 'the answer ended' end);
    perform private.end_calls(m.user_id, m.id, 'superseded', case m.status
      when 'stopped' then 'Not run: the answer was stopped.'
      else 'Not run: the answer ended before.' end);
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

--------------------------------------------------------------------------------------------- grants

revoke execute on function private.redacted(jsonb, jsonb) from public, anon;
revoke execute on function private.note_made_call(uuid, uuid) from public, anon;
revoke execute on function private.end_running_calls(uuid, uuid, text) from public, anon;
grant execute on function private.end_running_calls(uuid, uuid, text) to authenticated, service_role;
