-- Ended answers that were not read yet, versions of messages, branches, messages that wait for their turn.
-- ARCHITECTURE.md ("A generation") says why.

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
              and (n.created_at, n.id) > (m.created_at, m.id))
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
-- else the unread one. Answers {"message": … or null}; null if there is no such chat.
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
    case when m.id is not null then private.message_json(m) end);
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
  v_path uuid[];               -- from the newest message of the path to its first
  v_first public.messages;     -- the path's first message
  v_last public.messages;      -- the last one before the paths part
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
  ), path as (
    (select t.id, t.parent_id, t.created_at
      from public.messages t
      where t.id = (select c.id from continuation c order by c.created_at desc, c.id desc limit 1))
    union
    select t.id, t.parent_id, t.created_at
      from path p join public.messages t on t.id = p.parent_id
      where t.chat_id = m.chat_id and t.user_id = v_user
  )
  select array_agg(id order by created_at desc, id desc) into v_path from path;

  select * into v_first from public.messages where id = v_path[array_length(v_path, 1)];
  select * into v_last from public.messages t
    where t.id = any (v_path) and t.is_active and not exists (
      select 1 from public.messages i
        where i.id = any (v_path) and not i.is_active
          and (i.created_at, i.id) < (t.created_at, t.id))
    order by t.created_at desc, t.id desc limit 1;
  if not found then
    -- Another version of the first message: what follows no message, and of several, where messages were
    -- deleted, the nearest.
    select * into v_last from public.messages t
      where t.chat_id = m.chat_id and t.user_id = v_user and t.is_active and t.parent_id is null
        and t.role = v_first.role
      order by (t.created_at <= v_first.created_at) desc,
        case when t.created_at <= v_first.created_at then t.created_at end desc, t.created_at, t.id
      limit 1;
  end if;
  update public.messages t
    set is_active = t.id = any (v_path)
    where t.chat_id = m.chat_id and t.user_id = v_user
      and t.is_active <> (t.id = any (v_path))
      and (t.id = any (v_path) or v_last.id is null
        or (t.created_at, t.id) >= (v_last.created_at, v_last.id));
  select * into m from public.messages where id = m.id and user_id = v_user;
  return jsonb_build_object('answer', 'selected', 'message', private.message_json(m));
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
