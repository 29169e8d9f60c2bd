-- What is shown of a chat is one path. A question that is answered again is so from there on, also one that
-- had failed and is sent again after others. ARCHITECTURE.md ("A generation") says why.
--
-- Chats in which two paths are shown stay as they are: nobody can tell which of the two their user would miss.

-- As before, in any number at once, and never after one that waits and so is on no path yet.
create or replace function private.place_message() returns trigger
  language plpgsql set search_path = '' as $$
declare
  v_parent_created_at timestamptz;
begin
  -- One after the other: of two that came at once both would follow the same message.
  perform 1 from public.chats
    where id = new.chat_id and user_id = new.user_id for no key update;
  if new.parent_id is null and new.is_active then
    select m.id into new.parent_id
      from public.messages m
      where m.chat_id = new.chat_id and m.user_id = new.user_id and m.is_active
        and (m.created_at <= new.created_at
          or new.created_at > clock_timestamp() - interval '1 minute')
        and m.id <> new.id and not private.is_queued(m.user_id, m.id)
      order by m.created_at desc, m.id desc
      limit 1;
  end if;
  select m.created_at into v_parent_created_at
    from public.messages m
    where m.id = new.parent_id and m.chat_id = new.chat_id and m.user_id = new.user_id;
  if found then
    new.created_at := greatest(new.created_at, v_parent_created_at + interval '1 microsecond');
  end if;
  return new;
end;
$$;

-- A computed column: all versions of a message, its own id included, oldest first. Versions follow the
-- same message: an attempt that failed and what was asked instead as well. Attempts that have come to nothing
-- and were not followed are none, and neither are messages that are shown beside this one because what was
-- between them is deleted. Versions of a question that was edited have one time; their answers tell their
-- order.
create or replace function public.sibling_ids(messages public.messages) returns jsonb
  language sql stable
  return (
    select jsonb_agg(s.id order by s.created_at,
        (select min(a.created_at) from public.messages a where a.parent_id = s.id) nulls last, s.id)
      from public.messages s
      where s.chat_id = (messages).chat_id and s.user_id = (messages).user_id
        and case when (messages).parent_id is null
            then s.parent_id is null and s.role = (messages).role
          else s.parent_id = (messages).parent_id end
        and (s.id = (messages).id
          or (s.replaces is null
            and (s.parts <> '[]' or exists (
              select 1 from public.messages c where c.parent_id = s.id and c.chat_id = s.chat_id))
            and not (s.is_active and (messages).is_active))));

-- As before; it goes on after attempts that have come to nothing.
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
    select t.id, t.created_at, true as is_shown from public.messages t where t.id = m.id
    union
    select c.id, c.created_at, c.parts <> '[]'
      from continuation p join public.messages c on c.parent_id = p.id
      where c.chat_id = m.chat_id and c.user_id = v_user and c.replaces is null
        and not private.is_queued(v_user, c.id)
  )
  select c.id into v_newest
    from continuation c where c.is_shown order by c.created_at desc, c.id desc limit 1;
  perform private.activate_path(v_user, m.chat_id, private.path_to(v_user, v_newest));
  perform private.supersede_hidden_calls(v_user, m.chat_id);
  select * into m from public.messages where id = m.id and user_id = v_user;
  return jsonb_build_object('answer', 'selected', 'message', private.message_json(m));
end;
$$;

-- As before; whatever followed the question follows its previous version.
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
      and user_id = p_question.user_id;
  update public.messages
    set content = p_user_message ->> 'content', parts = p_user_message -> 'parts',
        metadata = coalesce(nullif(p_user_message -> 'metadata', 'null'), metadata)
    where id = p_question.id and user_id = p_question.user_id
    returning * into p_question;
  return p_question;
end;
$$;

-- Puts an answer that has content now in the place of all that follows its question. What came into the chat
-- after it had begun stays, and follows it. Without its question it has no place. The chat is locked.
create or replace function private.take_place(p_answer public.messages) returns void
  language plpgsql set search_path = '' as $$
declare
  q public.messages;
begin
  select * into q from public.messages
    where id = p_answer.parent_id and chat_id = p_answer.chat_id and user_id = p_answer.user_id;
  if not found then
    return;
  end if;
  if q.replaces is not null then
    -- The question is a branch.
    update public.messages set replaces = null
      where id in (q.id, p_answer.id) and user_id = p_answer.user_id;
    perform private.activate_path(p_answer.user_id, p_answer.chat_id,
      private.path_to(p_answer.user_id, p_answer.id));
    return;
  end if;
  if p_answer.replaces -> 'question' is not null then
    perform private.replace_question(q, p_answer.replaces -> 'question');
  end if;
  update public.messages
    set is_active = false
    where chat_id = p_answer.chat_id and user_id = p_answer.user_id and is_active
      and (created_at, id) > (q.created_at, q.id) and created_at <= p_answer.created_at
      and id <> all (private.queue_of(p_answer.user_id, p_answer.chat_id));
  update public.messages
    set is_active = true, replaces = null, parent_id = q.id
    where id = p_answer.id and user_id = p_answer.user_id;
  update public.messages t
    set parent_id = p_answer.id
    where t.chat_id = p_answer.chat_id and t.user_id = p_answer.user_id and t.is_active
      and t.created_at > p_answer.created_at
      and t.id <> all (private.queue_of(p_answer.user_id, p_answer.chat_id))
      and exists (
        select 1 from public.messages h
          where h.id = t.parent_id and h.chat_id = t.chat_id and not h.is_active);
end;
$$;

-- As before; what waits is in the order in which it came, which its parents no longer tell.
create or replace function private.queue_message(
  p_known public.messages, p_user_id uuid, p_chat_id uuid, p_user_message jsonb, p_running uuid
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  m public.messages := p_known;
begin
  if m.id is not null and not private.is_queued(p_user_id, m.id) then
    return jsonb_build_object('answer', 'busy', 'message_id', p_running);
  end if;
  if m.id is null then
    if array_length(private.queue_of(p_user_id, p_chat_id), 1) >= 10 then
      return jsonb_build_object('answer', 'queue_full');
    end if;
    insert into public.messages (id, chat_id, user_id, role, content, parts, metadata, created_at)
      values ((p_user_message ->> 'id')::uuid, p_chat_id, p_user_id, 'user',
        p_user_message ->> 'content', p_user_message -> 'parts',
        coalesce(nullif(p_user_message -> 'metadata', 'null'), '{}') || '{"queued": true}',
        -- Later than what waits before it, whatever the clock says.
        greatest(clock_timestamp(), (select max(created_at) + interval '1 microsecond'
          from public.messages where chat_id = p_chat_id and user_id = p_user_id)))
      on conflict (id) do nothing
      returning * into m;
    if not found then
      return jsonb_build_object('answer', 'conflict');
    end if;
    perform private.add_to_queue(m, p_user_message -> 'queue');
  end if;
  return jsonb_build_object('answer', 'queued', 'message_id', p_running,
    'user_message', private.message_json(m));
end;
$$;

-- As before; an answer replaces all that follows its question.
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
  v_replaces jsonb;
  v_parent uuid;               -- what a new message follows
  v_branch jsonb;              -- {"after": what it follows instead}
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
  v_known := false;
  if p_user_message is not null or p_action = 'queued' then
    select * into v_question from public.messages
      where id = case p_action when 'queued' then p_regenerate
          else (p_user_message ->> 'id')::uuid end
        and user_id = v_user;
    v_known := found;
  end if;
  if p_action = 'queued' and not v_known then
    return jsonb_build_object('answer', 'not_found', 'missing', 'message');
  end if;
  if v_known and (v_question.chat_id <> p_chat_id or v_question.role <> 'user') then
    return jsonb_build_object('answer', 'conflict');
  end if;
  v_same := v_known and (p_action = 'queued' or v_question.parts = p_user_message -> 'parts');
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
    if p_user_message ? 'queue' and p_action <> 'regenerate' then
      return private.queue_message(v_question, v_user, p_chat_id, p_user_message, v_running);
    end if;
    return jsonb_build_object('answer', 'busy', 'message_id', v_running);
  end if;
  if p_action = 'queued' and not private.is_queued(v_user, v_question.id) then
    return jsonb_build_object('answer', 'conflict');
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
    v_parent := private.newest_in_path(v_user, p_chat_id);
    if p_action = 'edit' and p_user_message ? 'after' then
      v_branch := private.branching_point(v_user, p_chat_id,
        (p_user_message ->> 'after')::uuid, v_parent);
    end if;
    insert into public.messages (id, chat_id, user_id, parent_id, role, content, parts, metadata,
        is_active, replaces, created_at)
      values ((p_user_message ->> 'id')::uuid, p_chat_id, v_user,
        case when v_branch is null then v_parent else (v_branch ->> 'after')::uuid end, 'user',
        p_user_message ->> 'content', p_user_message -> 'parts',
        coalesce(nullif(p_user_message -> 'metadata', 'null'), '{}'),
        v_branch is null, v_branch,
        -- Later than what there is, whatever the clock says.
        greatest(clock_timestamp(), (select max(created_at) + interval '1 microsecond'
          from public.messages where chat_id = p_chat_id and user_id = v_user)))
      on conflict (id) do nothing
      returning * into v_question;
    if not found then
      return jsonb_build_object('answer', 'conflict');
    end if;
  elsif not v_known then
    select * into v_question from public.messages
      where chat_id = p_chat_id and user_id = v_user and role = 'user' and is_active
        and not private.is_queued(v_user, id)
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

  -- A version that was replaced gets no new answers, but one that is still to take its place does.
  if v_question.role <> 'user' or not (v_question.is_active or v_question.replaces is not null) then
    return jsonb_build_object('answer', 'conflict');
  end if;
  v_question := private.end_waiting(v_question);

  perform private.supersede_calls(v_user, p_chat_id,
    'Not run: the person wrote something else instead.');

  -- Earlier attempts are no longer their runs', and those with nothing to show give way at once.
  update public.messages
    set lease_expires_at = null, is_active = is_active and parts <> '[]'
    where parent_id = v_question.id and chat_id = p_chat_id and user_id = v_user
      and role = 'assistant' and (lease_expires_at is not null or (is_active and parts = '[]'));

  -- Everything after the question stays until the new answer has something to show.
  if v_edited is not null or v_question.replaces is not null or exists (
    select 1 from public.messages
      where chat_id = p_chat_id and user_id = v_user and is_active
        and (created_at, id) > (v_question.created_at, v_question.id)
        and not private.is_queued(v_user, id)
  ) then
    v_replaces := jsonb_build_object('all_after', true)
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
  perform private.move_queue_behind(v_answer);
  select * into v_chat from public.chats where id = p_chat_id and user_id = v_user;
  v_reserved := private.reserve_or_raise(v_answer, p_reserve);
  return private.started(v_chat, private.as_edited(v_question, v_answer), v_answer, v_reserved);
exception when sqlstate 'CB429' then
  return jsonb_build_object('answer', 'over_limit',
    'over_limit', private.over_limit(v_user, p_reserve));
end;
$$;
