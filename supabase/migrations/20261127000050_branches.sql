-- Ended answers that were not read yet, versions of messages, branches, messages that wait for their turn.
-- ARCHITECTURE.md ("A generation") says why.

------------------------------------------------------------------------------------------ queues

-- User messages that are answered when the answer that is being written has ended, at most 10 in a chat, in
-- the order of their rows. request is what the server needs for it besides the message. Can be
-- reached through the functions below alone.
create table private.queued_messages (
  message_id uuid primary key,
  chat_id uuid not null,
  user_id uuid not null,
  request jsonb not null
    constraint queued_messages_request_check
      check (jsonb_typeof(request) = 'object' and octet_length(request::text) <= 262144),
  foreign key (message_id, chat_id) references public.messages (id, chat_id) on delete cascade
);
create index queued_messages_chat_idx on private.queued_messages (chat_id);
alter table private.queued_messages enable row level security;
revoke all on private.queued_messages from public, anon, authenticated;
-- So that the service role can truncate messages with what refers to them.
grant truncate on private.queued_messages to service_role;

create function private.is_queued(p_user_id uuid, p_message_id uuid) returns boolean
  language sql stable security definer set search_path = ''
  as $$
    select exists (
      select 1 from private.queued_messages q
        where q.message_id = p_message_id and q.user_id = p_user_id
          and (p_user_id = auth.uid() or auth.role() = 'service_role'))
  $$;

-- The waiting messages of a chat.
create function private.queue_of(p_user_id uuid, p_chat_id uuid) returns uuid[]
  language sql stable security definer set search_path = ''
  as $$
    select coalesce(array_agg(q.message_id), '{}')
      from private.queued_messages q
      where q.chat_id = p_chat_id and q.user_id = p_user_id
        and (p_user_id = auth.uid() or auth.role() = 'service_role')
  $$;

-- What waits in a chat, in its order: [{id, request}].
create function private.list_queue(p_user_id uuid, p_chat_id uuid) returns jsonb
  language sql stable security definer set search_path = ''
  as $$
    select coalesce(jsonb_agg(jsonb_build_object('id', q.message_id, 'request', q.request)
        order by m.created_at, m.id), '[]')
      from private.queued_messages q join public.messages m on m.id = q.message_id
      where q.chat_id = p_chat_id and q.user_id = p_user_id and m.is_active
        and (p_user_id = auth.uid() or auth.role() = 'service_role')
  $$;

create function public.queued_messages(p_chat_id uuid) returns jsonb
  language sql stable set search_path = ''
  as $$ select private.list_queue(auth.uid(), p_chat_id) $$;

create function private.add_to_queue(p_message public.messages, p_request jsonb) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(p_message.user_id);
  insert into private.queued_messages (message_id, chat_id, user_id, request)
    values (p_message.id, p_message.chat_id, p_message.user_id, p_request);
end;
$$;

create function private.take_from_queue(p_user_id uuid, p_message_id uuid) returns boolean
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  delete from private.queued_messages where message_id = p_message_id and user_id = p_user_id;
  return found;
end;
$$;

-- The newest message of the active path, without those that wait.
create function private.newest_in_path(p_user_id uuid, p_chat_id uuid) returns uuid
  language sql stable set search_path = ''
  as $$
    select m.id from public.messages m
      where m.chat_id = p_chat_id and m.user_id = p_user_id and m.is_active
        and m.id <> all (private.queue_of(p_user_id, p_chat_id))
      order by m.created_at desc, m.id desc limit 1
  $$;

-- Lets a new message wait, as begin_generation answers: {"answer": "queued", "user_message",
-- "message_id": what is being written}, or {"answer": "queue_full"}.
create function private.queue_message(
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
    insert into public.messages (id, chat_id, user_id, role, content, parts, metadata)
      values ((p_user_message ->> 'id')::uuid, p_chat_id, p_user_id, 'user',
        p_user_message ->> 'content', p_user_message -> 'parts',
        coalesce(nullif(p_user_message -> 'metadata', 'null'), '{}') || '{"queued": true}')
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

-- A question that has waited follows what was said meanwhile.
create function private.end_waiting(p_question public.messages) returns public.messages
  language plpgsql set search_path = '' as $$
declare
  v_parent uuid;
begin
  if not private.take_from_queue(p_question.user_id, p_question.id) then
    return p_question;
  end if;
  -- It is the newest of the path itself now.
  select t.id into v_parent from public.messages t
    where t.chat_id = p_question.chat_id and t.user_id = p_question.user_id and t.is_active
      and t.id <> p_question.id
      and t.id <> all (private.queue_of(p_question.user_id, p_question.chat_id))
    order by t.created_at desc, t.id desc limit 1;
  update public.messages
    set metadata = metadata - 'queued', parent_id = v_parent,
        created_at = greatest(clock_timestamp(), (select max(created_at) + interval '1 microsecond'
          from public.messages
          where chat_id = p_question.chat_id and user_id = p_question.user_id))
    where id = p_question.id and user_id = p_question.user_id
    returning * into p_question;
  return p_question;
end;
$$;

-- What waits comes after what is being written, in lists as well.
create function private.move_queue_behind(p_answer public.messages) returns void
  language plpgsql set search_path = '' as $$
begin
  update public.messages t
    set created_at = p_answer.created_at + w.place * interval '1 microsecond'
    from (
      select m.id, row_number() over (order by m.created_at, m.id) as place
        from public.messages m
        where m.id = any (private.queue_of(p_answer.user_id, p_answer.chat_id))
    ) w
    where t.id = w.id and t.chat_id = p_answer.chat_id and t.user_id = p_answer.user_id;
end;
$$;

---------------------------------------------------------------------------------- questions as branches

-- The ids of a path, from its last message to its first.
create function private.path_to(p_user_id uuid, p_message_id uuid) returns uuid[]
  language sql stable set search_path = ''
  as $$
    -- Users can make circles of parents; union ends them.
    with recursive path as (
      select t.id, t.parent_id, t.chat_id, t.created_at
        from public.messages t where t.id = p_message_id and t.user_id = p_user_id
      union
      select t.id, t.parent_id, t.chat_id, t.created_at
        from path p join public.messages t on t.id = p.parent_id
        where t.chat_id = p.chat_id and t.user_id = p_user_id
    )
    select array_agg(id order by created_at desc, id desc) from path
  $$;

-- Where a new question branches off that a client sends after this message of its list, or after none:
-- {"after"}. Null where it just follows the newest one: also after a message that is not stored here, or
-- that came to nothing.
create function private.branching_point(
  p_user_id uuid, p_chat_id uuid, p_after uuid, p_newest uuid
) returns jsonb
  language sql stable set search_path = ''
  as $$
    select jsonb_build_object('after', p_after)
      where p_newest is not null and p_after is distinct from p_newest
        and (p_after is null or exists (
          select 1 from public.messages m
            where m.id = p_after and m.chat_id = p_chat_id and m.user_id = p_user_id
              and m.parts <> '[]' and m.replaces is null
              and not private.is_queued(p_user_id, m.id)))
  $$;

-- Makes a path the active one of its chat; what is not on it is inactive from where the paths part. What
-- waits stays. The chat is locked.
create function private.activate_path(p_user_id uuid, p_chat_id uuid, p_path uuid[]) returns void
  language plpgsql set search_path = '' as $$
declare
  v_first public.messages;     -- the path's first message
  v_last public.messages;      -- the last one before the paths part
begin
  select * into v_first from public.messages where id = p_path[array_length(p_path, 1)];
  select * into v_last from public.messages t
    where t.id = any (p_path) and t.is_active and not exists (
      select 1 from public.messages i
        where i.id = any (p_path) and not i.is_active
          and (i.created_at, i.id) < (t.created_at, t.id))
    order by t.created_at desc, t.id desc limit 1;
  if not found then
    -- Another version of the first message: what follows no message, and of several, where messages were
    -- deleted, the nearest.
    select * into v_last from public.messages t
      where t.chat_id = p_chat_id and t.user_id = p_user_id and t.is_active and t.parent_id is null
        and t.role = v_first.role and t.id <> all (private.queue_of(p_user_id, p_chat_id))
      order by (t.created_at <= v_first.created_at) desc,
        case when t.created_at <= v_first.created_at then t.created_at end desc, t.created_at, t.id
      limit 1;
  end if;
  update public.messages t
    set is_active = t.id = any (p_path)
    where t.chat_id = p_chat_id and t.user_id = p_user_id
      and t.is_active <> (t.id = any (p_path))
      and t.id <> all (private.queue_of(p_user_id, p_chat_id))
      and (t.id = any (p_path) or v_last.id is null
        or (t.created_at, t.id) >= (v_last.created_at, v_last.id));
end;
$$;

---------------------------------------------------------------------------------- unread answers

-- The newest ended answer of each chat that its user has not read. It is no column of messages, because
-- reading changes no message. Can be reached through the functions below alone.
create table private.unread_answers (
  chat_id uuid primary key,
  user_id uuid not null,
  message_id uuid not null,
  ended_at timestamptz not null default clock_timestamp(),
  foreign key (message_id, chat_id) references public.messages (id, chat_id) on delete cascade
);
create index unread_answers_message_idx on private.unread_answers (message_id);
alter table private.unread_answers enable row level security;
revoke all on private.unread_answers from public, anon, authenticated;
grant truncate on private.unread_answers to service_role;

-- Remembers that an answer has ended, whoever has ended it, and that its run has added to it afterwards.
create function private.note_end() returns trigger
  language plpgsql security definer set search_path = '' as $$
begin
  insert into private.unread_answers (chat_id, user_id, message_id)
    values (new.chat_id, new.user_id, new.id)
    on conflict (chat_id) do update
      set user_id = excluded.user_id, message_id = excluded.message_id,
          ended_at = excluded.ended_at;
  return null;
end;
$$;

create trigger messages_note_end after update of status on public.messages
  for each row
  when (new.status <> 'streaming' and (old.status = 'streaming'
    or (old.lease_expires_at is not null and new.parts is distinct from old.parts)))
  execute function private.note_end();

-- The chat's newest answer, if it has ended within the last 24 hours and was not read since. A streaming
-- row whose lease has lapsed has ended as well. For its user, or the service role.
create function private.find_unread(p_user_id uuid, p_chat_id uuid) returns uuid
  language sql stable security definer set search_path = ''
  as $$
    select m.id
      from public.messages m
      where m.id = coalesce(
          (select s.id from public.messages s
            where s.chat_id = p_chat_id and s.status = 'streaming'
              and s.lease_expires_at > clock_timestamp() - interval '24 hours'),
          (select u.message_id from private.unread_answers u
            where u.chat_id = p_chat_id and u.ended_at > clock_timestamp() - interval '24 hours'))
        and m.chat_id = p_chat_id and m.user_id = p_user_id
        and (p_user_id = auth.uid() or auth.role() = 'service_role')
        and public.current_status(m) <> 'streaming'
        and (m.is_active or m.parts = '[]')
        and not exists (
          select 1 from public.messages n
            where n.chat_id = p_chat_id and n.user_id = p_user_id and n.is_active
              and (n.created_at, n.id) > (m.created_at, m.id)
              and not private.is_queued(p_user_id, n.id))
  $$;

-- A computed column: who reads the chat's messages reads this answer for the first time.
create function public.unread_answer(chats public.chats) returns uuid
  language sql stable
  return private.find_unread((chats).user_id, (chats).id);

create function private.forget_unread(p_user_id uuid, p_message_id uuid) returns boolean
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  delete from private.unread_answers where message_id = p_message_id and user_id = p_user_id;
  return found;
end;
$$;

-- Marks an ended answer as read; whether it was unread.
create function public.mark_answer_read(p_message_id uuid) returns boolean
  language plpgsql set search_path = '' as $$
declare
  m public.messages;
begin
  select * into m from public.messages where id = p_message_id and user_id = auth.uid();
  if not found then
    return false;
  end if;
  if public.current_status(m) <> m.status then
    perform 1 from public.chats where id = m.chat_id and user_id = m.user_id for update;
    perform private.end_lapsed(m.user_id, m.chat_id);
  end if;
  return private.forget_unread(m.user_id, m.id);
end;
$$;

-- The answer that a client which comes back to a chat has to be shown: the one that is being written, or
-- else the unread one. Answers {"message": … or null, "queued": the first message that waits or null,
-- "awaiting": the newest message if its calls are to be answered or null}; null if there is no such chat.
create function public.answer_to_resume(p_chat_id uuid) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := auth.uid();
  m public.messages;
begin
  perform 1 from public.chats where id = p_chat_id and user_id = v_user;
  if not found then
    return null;
  end if;
  select * into m from public.messages
    where chat_id = p_chat_id and user_id = v_user and status = 'streaming';
  if found and public.current_status(m) <> m.status then
    perform 1 from public.chats where id = p_chat_id and user_id = v_user for update;
    perform private.end_lapsed(v_user, p_chat_id);
    select * into m from public.messages
      where chat_id = p_chat_id and user_id = v_user and status = 'streaming';
  end if;
  if m.id is null then
    select * into m from public.messages
      where id = private.find_unread(v_user, p_chat_id) and user_id = v_user;
  end if;
  return jsonb_build_object('message',
    case when m.id is not null then private.message_json(m) end,
    'queued', private.list_queue(v_user, p_chat_id) -> 0 -> 'id',
    'awaiting', (select t.id from public.messages t
      where t.id = private.newest_in_path(v_user, p_chat_id) and t.status = 'awaiting'));
end;
$$;

---------------------------------------------------------------------------------- versions of messages

-- A computed column: all versions of a message, its own id included, oldest first. Versions follow the
-- same message. Attempts that have come to nothing are none, and neither are messages that are shown beside
-- this one because what was between them is deleted. Versions of a question that was edited have one
-- time; their answers tell their order.
create function public.sibling_ids(messages public.messages) returns jsonb
  language sql stable
  return (
    select jsonb_agg(s.id order by s.created_at,
        (select min(a.created_at) from public.messages a where a.parent_id = s.id) nulls last, s.id)
      from public.messages s
      where s.chat_id = (messages).chat_id and s.user_id = (messages).user_id
        and s.role = (messages).role
        and case when (messages).parent_id is null then s.parent_id is null
          else s.parent_id = (messages).parent_id end
        and (s.id = (messages).id
          or (s.replaces is null and s.parts <> '[]'
            and not (s.is_active and (messages).is_active))));

-- Makes a version of a message and its newest continuation the active path of its chat. What is not on it is
-- inactive from where the paths part; nothing is deleted. Answers {"answer": "selected", "message"},
-- {"answer": "busy", "message_id"} while an answer is being written, or {"answer": "not_found"}.
create function public.select_message(p_message_id uuid) returns jsonb
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
  select * into m from public.messages where id = m.id and user_id = v_user;
  return jsonb_build_object('answer', 'selected', 'message', private.message_json(m));
end;
$$;

---------------------------------------------------------------------------------------- begin

-- Puts an answer that has content now in the place of what it replaces. What came into the chat after
-- it had begun stays. The chat is locked.
create or replace function private.take_place(p_answer public.messages) returns void
  language plpgsql set search_path = '' as $$
declare
  q public.messages;
begin
  select * into q from public.messages
    where id = p_answer.parent_id and chat_id = p_answer.chat_id and user_id = p_answer.user_id;
  if q.replaces is not null then
    -- The question is a branch.
    update public.messages set replaces = null
      where id in (q.id, p_answer.id) and user_id = p_answer.user_id;
    perform private.activate_path(p_answer.user_id, p_answer.chat_id,
      private.path_to(p_answer.user_id, p_answer.id));
    return;
  end if;
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

-- What begin_generation answers to the run that owns the answer. The history ends with the question, and of
-- a branch it is the path to it; rows that hold nothing a model could read are left out, and those that
-- wait. Newest 1,000 messages, 32 MiB.
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
      'has_queue', private.queue_of(p_chat.user_id, p_chat.id) <> '{}',
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
              where m.chat_id = p_chat.id and m.user_id = p_chat.user_id
                and case when p_question.replaces is null then m.is_active
                  else m.id = any ((select private.path_to(p_question.user_id, p_question.id))::uuid[])
                  end
                and m.id <> all ((select private.queue_of(p_chat.user_id, p_chat.id))::uuid[])
                and m.status <> 'streaming' and jsonb_array_length(m.parts) > 0
                and (m.created_at, m.id) <= (p_question.created_at, p_question.id)
              order by m.created_at desc, m.id desc
              limit 1000
          ) h
          where h.bytes <= 33554432 or h.id = p_question.id
      ), '[]'))
  $$;

-- Claims a chat for one answer. Also: p_action "queued" answers the waiting message that p_regenerate
-- names; p_user_message may have "queue", what is remembered of the request if the message has to wait,
-- and with the action "edit" "after", the message that it follows in its client's list, or null.
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

  -- What has something to show stays until the new answer has.
  v_all_after := p_action = 'regenerate' or v_edited is not null or v_question.replaces is not null;
  if v_edited is not null or v_question.replaces is not null or exists (
    select 1 from public.messages
      where chat_id = p_chat_id and user_id = v_user and is_active
        and (created_at, id) > (v_question.created_at, v_question.id)
        and (v_all_after or (parent_id = v_question.id and role = 'assistant'))
        and not private.is_queued(v_user, id)
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
  perform private.move_queue_behind(v_answer);
  select * into v_chat from public.chats where id = p_chat_id and user_id = v_user;
  v_reserved := private.reserve_or_raise(v_answer, p_reserve);
  return private.started(v_chat, private.as_edited(v_question, v_answer), v_answer, v_reserved);
exception when sqlstate 'CB429' then
  return jsonb_build_object('answer', 'over_limit',
    'over_limit', private.over_limit(v_user, p_reserve));
end;
$$;

--------------------------------------------------------------------------------------------- grants

revoke execute on function private.note_end() from public, anon;
revoke execute on function private.find_unread(uuid, uuid) from public, anon;
revoke execute on function private.forget_unread(uuid, uuid) from public, anon;
grant execute on function private.find_unread(uuid, uuid) to authenticated, service_role;
grant execute on function private.forget_unread(uuid, uuid) to authenticated, service_role;

revoke execute on function public.unread_answer(public.chats) from public, anon;
revoke execute on function public.mark_answer_read(uuid) from public, anon;
revoke execute on function public.answer_to_resume(uuid) from public, anon;
revoke execute on function public.sibling_ids(public.messages) from public, anon;
revoke execute on function public.select_message(uuid) from public, anon;
grant execute on function public.unread_answer(public.chats) to authenticated, service_role;
grant execute on function public.mark_answer_read(uuid) to authenticated, service_role;
grant execute on function public.answer_to_resume(uuid) to authenticated, service_role;
grant execute on function public.sibling_ids(public.messages) to authenticated, service_role;
grant execute on function public.select_message(uuid) to authenticated, service_role;
revoke execute on function private.is_queued(uuid, uuid) from public, anon;
revoke execute on function private.queue_of(uuid, uuid) from public, anon;
revoke execute on function private.list_queue(uuid, uuid) from public, anon;
revoke execute on function private.add_to_queue(public.messages, jsonb) from public, anon;
revoke execute on function private.take_from_queue(uuid, uuid) from public, anon;
revoke execute on function private.newest_in_path(uuid, uuid) from public, anon;
revoke execute on function private.queue_message(public.messages, uuid, uuid, jsonb, uuid) from public, anon;
revoke execute on function private.end_waiting(public.messages) from public, anon;
revoke execute on function private.move_queue_behind(public.messages) from public, anon;
revoke execute on function private.path_to(uuid, uuid) from public, anon;
revoke execute on function private.branching_point(uuid, uuid, uuid, uuid) from public, anon;
revoke execute on function private.activate_path(uuid, uuid, uuid[]) from public, anon;
revoke execute on function public.queued_messages(uuid) from public, anon;
grant execute on function private.is_queued(uuid, uuid) to authenticated, service_role;
grant execute on function private.queue_of(uuid, uuid) to authenticated, service_role;
grant execute on function private.list_queue(uuid, uuid) to authenticated, service_role;
grant execute on function private.add_to_queue(public.messages, jsonb) to authenticated, service_role;
grant execute on function private.take_from_queue(uuid, uuid) to authenticated, service_role;
grant execute on function private.newest_in_path(uuid, uuid) to authenticated, service_role;
grant execute on function private.queue_message(public.messages, uuid, uuid, jsonb, uuid)
  to authenticated, service_role;
grant execute on function private.end_waiting(public.messages) to authenticated, service_role;
grant execute on function private.move_queue_behind(public.messages) to authenticated, service_role;
grant execute on function private.path_to(uuid, uuid) to authenticated, service_role;
grant execute on function private.branching_point(uuid, uuid, uuid, uuid) to authenticated, service_role;
grant execute on function private.activate_path(uuid, uuid, uuid[]) to authenticated, service_role;
grant execute on function public.queued_messages(uuid) to authenticated, service_role;
