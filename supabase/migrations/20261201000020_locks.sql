-- Who ends a lapsed answer or deletes an account takes its locks in the order of everybody else: first the
-- chat, then the run, then the row. Otherwise they and those who answer in the chat wait for one another in
-- a circle. And the search for chats reads the messages once.

-- Locks what belongs to a lapsed run, unless somebody is at work in its chat or on it, who then ends it.
create function private.lock_lapsed_run(r private.token_reservations) returns boolean
  language plpgsql security definer set search_path = '' as $$
begin
  perform private.require_caller(r.user_id);
  begin
    perform from public.chats c
      where c.id = (r.log ->> 'chat_id')::uuid and c.user_id = r.user_id for key share skip locked;
    if not found and exists (
      select from public.chats c where c.id = (r.log ->> 'chat_id')::uuid and c.user_id = r.user_id
    ) then
      return false;
    end if;
  exception when data_exception then
    -- Somebody has called the functions with nonsense: it belongs to no chat.
    null;
  end;
  perform from private.token_reservations t
    where t.run_id = r.run_id and t.lease_expires_at < clock_timestamp() for update skip locked;
  return found;
end;
$$;

-- Ends the rows of a user's lapsed runs and records their usage, of everybody's for the service role
-- without a user; how many there were: at most 100, so that nobody waits long for their chats. The last call of
-- the service role's, which finds none, sums up days that are over.
create or replace function private.count_lapsed(p_user_id uuid) returns bigint
  language plpgsql security definer set search_path = '' as $$
declare
  r private.token_reservations;
  v_counted bigint := 0;
begin
  if p_user_id is not null or auth.role() is distinct from 'service_role' then
    perform private.require_caller(p_user_id);
  end if;
  for r in
    select * from private.token_reservations l
      where l.lease_expires_at < clock_timestamp() and (p_user_id is null or l.user_id = p_user_id)
      order by l.lease_expires_at
  loop
    continue when not private.lock_lapsed_run(r);
    select * into r from private.token_reservations where run_id = r.run_id;
    perform private.end_lapsed_row(r);
    delete from private.token_reservations where run_id = r.run_id;
    perform private.record_lapsed_run(r);
    v_counted := v_counted + 1;
    exit when v_counted = 100;
  end loop;
  if p_user_id is null and v_counted = 0 then
    perform private.sum_up_days(interval '2 seconds');
  end if;
  return v_counted;
end;
$$;

-- Deletes rows of an account, for at most some seconds; whether none is left. What belongs to a chat goes with
-- it, and the last things with the user. Runs come after the chats.
create or replace function private.delete_rows(p_user_id uuid) returns boolean
  language plpgsql security definer set search_path = '' as $$
declare
  v_until constant timestamptz := clock_timestamp() + interval '2 seconds';
  v_table text;
  v_batch integer;
  v_deleted bigint;
begin
  perform private.require_deleted(p_user_id);
  update private.deleted_accounts
    set lease_expires_at = clock_timestamp() + interval '2 minutes'
    where user_id = p_user_id;
  foreach v_table in array array['chats', 'script_runs', 'files', 'analytics', 'usage_logs'] loop
    v_batch := case v_table when 'chats' then 20 else 1000 end;
    loop
      execute format('delete from public.%I where id in (select id from public.%I where user_id = $1 '
        'limit $2)', v_table, v_table) using p_user_id, v_batch;
      get diagnostics v_deleted = row_count;
      exit when v_deleted = 0;
      if clock_timestamp() > v_until then
        return false;
      end if;
    end loop;
    if v_table = 'chats' then
      delete from private.token_reservations where user_id = p_user_id;
    end if;
  end loop;
  return true;
end;
$$;

revoke execute on function private.lock_lapsed_run(private.token_reservations) from public, anon;

---------------------------------------------------------------------------------------- search

-- As before, but with a setting, which keeps the planner from unpacking it into the statement around it: there
-- q is a column, and all messages would be searched once for each chat.
create or replace function public.search_chats(q text) returns setof public.chats
  language sql stable set search_path = ''
  begin atomic
    select c.*
      from public.chats c
      where strpos(lower(c.title), lower(q)) > 0
        or c.id in (
          select m.chat_id
            from public.messages m
            where m.is_active and strpos(lower(public.current_content(m)), lower(q)) > 0
        );
  end;
