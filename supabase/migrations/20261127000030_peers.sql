-- Answers that another replica goes on with, because theirs is being stopped. ARCHITECTURE.md ("A generation")
-- says why.

-- Gives what a run has saved to another run of the same user; the number of its last checkpoint.
create function private.move_pieces(p_user_id uuid, p_run_id uuid, p_next_run_id uuid)
  returns integer
  language plpgsql security definer set search_path = '' as $$
declare
  v_checkpoint integer;
begin
  perform private.require_caller(p_user_id);
  update private.token_reservations n
    set checkpoint = greatest(n.checkpoint, coalesce((
      select o.checkpoint from private.token_reservations o
        where o.run_id = p_run_id and o.user_id = p_user_id), 0))
    where n.run_id = p_next_run_id and n.user_id = p_user_id
    returning n.checkpoint into v_checkpoint;
  update private.answer_pieces
    set run_id = p_next_run_id
    where v_checkpoint is not null and run_id in (
      select o.run_id from private.token_reservations o
        where o.run_id = p_run_id and o.user_id = p_user_id);
  return v_checkpoint;
end;
$$;

-- Takes an answer over from the run that writes it, which has to be known, with all that it has saved. From
-- here on it is the next run's; the one before has only its usage to save. It is idempotent by the next run.
-- Answers as begin_generation: started, with the checkpoint that holds the parts so far, over_limit,
-- not_found, or conflict if the answer is no longer that run's, has ended or is to be stopped.
create function public.take_over_generation(
  p_chat_id uuid,
  p_message_id uuid,
  p_run uuid,
  p_next_run uuid,
  p_reserve jsonb default null,
  p_user_id uuid default auth.uid()
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user(p_user_id);
  v_run_id constant uuid := private.run_id(p_run);
  v_next_run_id constant uuid := private.run_id(p_next_run);
  v_chat public.chats;
  m public.messages;
  q public.messages;
  v_reserved jsonb;
  v_checkpoint integer;
begin
  select * into v_chat from public.chats
    where id = p_chat_id and user_id = v_user for no key update;
  if not found then
    return jsonb_build_object('answer', 'not_found', 'missing', 'chat');
  end if;
  select * into m from public.messages
    where id = p_message_id and chat_id = p_chat_id and user_id = v_user
      and run_id = v_next_run_id and status = 'streaming';
  if not found then
    if coalesce(private.lock_run(v_user, v_run_id) < clock_timestamp(), true) then
      return jsonb_build_object('answer', 'conflict');
    end if;
    select * into m from public.messages
      where id = p_message_id and chat_id = p_chat_id and user_id = v_user
        and run_id = v_run_id and status = 'streaming' and stop_requested_at is null
        and parent_id is not null;
    if not found then
      return jsonb_build_object('answer', 'conflict');
    end if;
    m := private.as_saved(m);
    update public.messages
      set run_id = v_next_run_id, model = m.model, metadata = m.metadata,
          lease_expires_at = clock_timestamp() + private.lease()
      where id = p_message_id and user_id = v_user
      returning * into m;
  end if;
  select * into q from public.messages where id = m.parent_id and user_id = v_user;
  v_reserved := private.reserve_or_raise(m, p_reserve);
  v_checkpoint := private.move_pieces(v_user, v_run_id, v_next_run_id);
  return private.started(v_chat, private.as_edited(q, m), m, v_reserved)
    || jsonb_build_object('checkpoint', v_checkpoint);
exception when sqlstate 'CB429' then
  return jsonb_build_object('answer', 'over_limit',
    'over_limit', private.over_limit(v_user, p_reserve));
end;
$$;

revoke execute on function private.move_pieces(uuid, uuid, uuid) from public, anon;
grant execute on function private.move_pieces(uuid, uuid, uuid) to authenticated, service_role;
revoke execute on function
  public.take_over_generation(uuid, uuid, uuid, uuid, jsonb, uuid) from public, anon;
grant execute on function
  public.take_over_generation(uuid, uuid, uuid, uuid, jsonb, uuid) to authenticated, service_role;
