-- A chat's messages are found at once however many their user has in others, a message's versions without
-- reading its chat, and who deletes a question no longer waits in a circle with who answers it.

-- With the user, whom row-level security and the functions ask for as well: PostgreSQL takes the one for
-- independent of the other and read all messages of the user beside those of the chat. The old one goes first,
-- which locks the table for all: built first, the new one would wait in a circle with whoever has read and is
-- about to write.
drop index public.messages_chat_created_idx;
create index messages_chat_created_idx on public.messages (chat_id, user_id, created_at, id);

-- As before. Who has the same parent is in the same chat and the same user's, as the foreign keys say.
create or replace function public.sibling_ids(messages public.messages) returns jsonb
  language sql stable
  return (
    select jsonb_agg(s.id order by s.created_at,
        (select min(a.created_at) from public.messages a where a.parent_id = s.id) nulls last, s.id)
      from (
        select t.id, t.created_at, t.parts, t.replaces, t.is_active
          from public.messages t
          where t.parent_id = (messages).parent_id
        union all
        select t.id, t.created_at, t.parts, t.replaces, t.is_active
          from public.messages t
          where (messages).parent_id is null and t.parent_id is null and t.role = (messages).role
            and t.chat_id = (messages).chat_id and t.user_id = (messages).user_id
      ) s
      where s.id = (messages).id
        or (s.replaces is null
          and (s.parts <> '[]' or exists (
            select 1 from public.messages c where c.parent_id = s.id))
          and not (s.is_active and (messages).is_active)));

------------------------------------------------------------------------------------------- locks

-- A deletion locks a message, then what refers to it: answers that lose their parent, its place among what
-- waits. So do these.

-- As before; and, where the run's answer changes its question, locks that as well.
create or replace function private.lock_run(p_user_id uuid, p_run_id uuid) returns timestamptz
  language plpgsql security definer set search_path = '' as $$
declare
  v_lease timestamptz;
begin
  perform private.require_caller(p_user_id);
  select lease_expires_at into v_lease from private.token_reservations
    where run_id = p_run_id and user_id = p_user_id for update;
  perform 1 from public.messages
    where user_id = p_user_id and id = (
      select parent_id from public.messages
        where run_id = p_run_id and user_id = p_user_id and replaces is not null)
    for no key update;
  return v_lease;
end;
$$;

-- As before; what waits is read once, not for each message.
create or replace function private.take_place(p_answer public.messages) returns void
  language plpgsql set search_path = '' as $$
declare
  v_queue constant uuid[] := private.queue_of(p_answer.user_id, p_answer.chat_id);
  q public.messages;
begin
  select * into q from public.messages
    where id = p_answer.parent_id and chat_id = p_answer.chat_id and user_id = p_answer.user_id
    for no key update;
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
      and id <> all (v_queue);
  update public.messages
    set is_active = true, replaces = null, parent_id = q.id
    where id = p_answer.id and user_id = p_answer.user_id;
  update public.messages t
    set parent_id = p_answer.id
    where t.chat_id = p_answer.chat_id and t.user_id = p_answer.user_id and t.is_active
      and t.created_at > p_answer.created_at
      and t.id <> all (v_queue)
      and exists (
        select 1 from public.messages h
          where h.id = t.parent_id and h.chat_id = t.chat_id and not h.is_active);
end;
$$;

-- As before.
create or replace function private.take_from_queue(p_user_id uuid, p_message_id uuid) returns boolean
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  perform 1 from public.messages
    where id = p_message_id and user_id = p_user_id for no key update;
  delete from private.queued_messages where message_id = p_message_id and user_id = p_user_id;
  return found;
end;
$$;

-- As before; where nothing waits, no message is read. A plan that was made while there were few messages read all of
-- them, and what waits for each.
create or replace function private.move_queue_behind(p_answer public.messages) returns void
  language plpgsql set search_path = '' as $$
declare
  v_queue constant uuid[] := private.queue_of(p_answer.user_id, p_answer.chat_id);
begin
  if v_queue = '{}' then
    return;
  end if;
  update public.messages t
    set created_at = p_answer.created_at + w.place * interval '1 microsecond'
    from (
      select m.id, row_number() over (order by m.created_at, m.id) as place
        from public.messages m
        where m.chat_id = p_answer.chat_id and m.user_id = p_answer.user_id and m.id = any (v_queue)
    ) w
    where t.id = w.id and t.chat_id = p_answer.chat_id and t.user_id = p_answer.user_id;
end;
$$;
