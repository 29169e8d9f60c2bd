-- Checkpoints that carry what is new. ARCHITECTURE.md ("A generation") says why.
--
-- While an answer is written its row stays as it was: what there is so far lies in private.answer_pieces,
-- and the lease is the run's (private.token_reservations). Both are brought together when the row ends.
-- Whoever changes an answer's end locks the chat first, then the run, then the row.

------------------------------------------------------------------------------------------- tables

-- The number of the last checkpoint that was carried out.
alter table private.token_reservations add column checkpoint integer not null default 0;

-- What each checkpoint has brought, part by part. Can be reached through the functions below alone.
create table private.answer_pieces (
  run_id uuid not null
    references private.token_reservations (run_id) on delete cascade,
  checkpoint integer not null,
  part_index integer not null,
  -- How many bytes the part's text has before this piece.
  text_offset integer not null,
  text text not null,
  -- The part without its text, where that is new.
  part jsonb check (jsonb_typeof(part) = 'object'),
  primary key (run_id, checkpoint, part_index)
);
alter table private.answer_pieces enable row level security;
revoke all on private.answer_pieces from public, anon, authenticated;

------------------------------------------------------------------------------------- what is saved

-- The text of a message: that of its text parts.
create function private.text_of(p_parts jsonb) returns text
  language sql immutable set search_path = ''
  as $$
    select coalesce(string_agg(e.part ->> 'text', '' order by e.place), '')
      from jsonb_array_elements(p_parts) with ordinality e (part, place)
      where e.part ->> 'type' = 'text' and p_parts is not null
      having p_parts is not null
  $$;

-- The parts that a run has saved so far; null if it has saved none.
create function private.saved_parts(p_run_id uuid) returns jsonb
  language sql stable set search_path = ''
  as $$
    select jsonb_agg(case when s.part ? 'text' then jsonb_set(s.part, '{text}', to_jsonb(s.text))
          else s.part end order by s.part_index)
      from (
        select p.part_index, string_agg(p.text, '' order by p.checkpoint) as text,
            (array_agg(p.part order by p.checkpoint desc) filter (where p.part is not null))[1] as part
          from private.answer_pieces p
          where p.run_id = p_run_id
          group by p.part_index
      ) s
  $$;

-- A message with what its run has saved of it, unless the row has text of its own: it was changed after
-- the lease had lapsed, or is the previous release's. For its user, or the service role.
create function private.as_saved(m public.messages) returns public.messages
  language plpgsql stable security definer set search_path = '' as $$
declare
  r private.token_reservations;
begin
  if m.status is distinct from 'streaming' or m.run_id is null then
    return m;
  end if;
  select * into r from private.token_reservations t
    where t.run_id = m.run_id and t.user_id = m.user_id
      and (auth.role() = 'service_role' or t.user_id = auth.uid());
  if not found or r.checkpoint = 0 then
    return m;
  end if;
  if m.parts = '[]' then
    m.parts := coalesce(private.saved_parts(r.run_id), m.parts);
    m.content := private.text_of(m.parts);
  end if;
  m.model := coalesce(r.log ->> 'model', m.model);
  m.metadata := m.metadata || jsonb_strip_nulls(jsonb_build_object(
    'model', r.log -> 'model', 'provider', r.log -> 'provider'));
  m.cost_usd := (r.log ->> 'cost_usd')::numeric;
  if r.log ? 'total_tokens' then
    m.usage := jsonb_build_object('input_tokens', r.log -> 'input_tokens',
      'output_tokens', r.log -> 'output_tokens', 'total_tokens', r.log -> 'total_tokens',
      'cached_input_tokens', r.log -> 'cached_input_tokens',
      'cache_write_input_tokens', r.log -> 'cache_write_input_tokens',
      'reasoning_tokens', r.log -> 'reasoning_tokens');
  end if;
  return m;
end;
$$;

-- Whether a run's lease holds. For its user, or the service role.
create function private.run_is_live(p_user_id uuid, p_run_id uuid) returns boolean
  language sql stable security definer set search_path = ''
  as $$
    select exists (
      select 1 from private.token_reservations t
        where t.run_id = p_run_id and t.user_id = p_user_id
          and t.lease_expires_at >= clock_timestamp()
          and (auth.role() = 'service_role' or t.user_id = auth.uid()))
  $$;

-- Computed columns: a streaming row whose lease has lapsed reads as interrupted, and while a row is
-- streaming its text is what its run has saved.
create or replace function public.current_status(messages public.messages) returns text
  language sql stable
  return case
    when (messages).status = 'streaming' and (messages).lease_expires_at < clock_timestamp()
        and not private.run_is_live((messages).user_id, (messages).run_id)
      then 'interrupted'
    else (messages).status
  end;

create function public.current_content(messages public.messages) returns text
  language sql stable
  return case
    when (messages).status = 'streaming' then (private.as_saved(messages)).content
    else (messages).content
  end;

create function public.current_parts(messages public.messages) returns jsonb
  language sql stable
  return case
    when (messages).status = 'streaming' then (private.as_saved(messages)).parts
    else (messages).parts
  end;

create function public.current_metadata(messages public.messages) returns jsonb
  language sql stable
  return case
    when (messages).status = 'streaming' then (private.as_saved(messages)).metadata
    else (messages).metadata
  end;

-- A message as the API returns it.
create or replace function private.message_json(m public.messages) returns jsonb
  language sql stable set search_path = ''
  as $$
    select jsonb_build_object(
      'id', s.id, 'chat_id', s.chat_id, 'user_id', s.user_id, 'parent_id', s.parent_id,
      'role', s.role, 'content', s.content, 'parts', s.parts, 'model', s.model,
      'status', public.current_status(m), 'finish_reason', s.finish_reason, 'usage', s.usage,
      'cost_usd', s.cost_usd, 'is_active', s.is_active, 'metadata', s.metadata,
      'created_at', s.created_at, 'updated_at', s.updated_at)
    from private.as_saved(m) s
  $$;

-- Chats whose title or active messages contain q: literal, case-insensitive.
create or replace function public.search_chats(q text) returns setof public.chats
  language sql stable
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

-------------------------------------------------------------------------------- checkpoints, following

-- Locks a run, so that nothing is saved of its answer meanwhile; its lease.
create function private.lock_run(p_user_id uuid, p_run_id uuid) returns timestamptz
  language plpgsql security definer set search_path = '' as $$
declare
  v_lease timestamptz;
begin
  perform private.require_caller(p_user_id);
  select lease_expires_at into v_lease from private.token_reservations
    where run_id = p_run_id and user_id = p_user_id for update;
  return v_lease;
end;
$$;

-- One checkpoint: see save_checkpoints. Waits for nobody who may take long, because others may be saved in
-- the same transaction: what is locked is answered as busy.
create function private.save_checkpoint(c jsonb) returns jsonb
  language plpgsql security definer set search_path = '' as $$
declare
  v_user constant uuid := private.acting_user((c ->> 'user_id')::uuid);
  v_run_id constant uuid := private.run_id((c ->> 'run')::uuid);
  v_number constant integer := (c ->> 'number')::integer;
  r private.token_reservations;
  m public.messages;
  v_reply jsonb;
begin
  perform private.require_caller(v_user);
  select * into r from private.token_reservations
    where run_id = v_run_id and user_id = v_user for update skip locked;
  if not found and exists (
    select 1 from private.token_reservations where run_id = v_run_id and user_id = v_user
  ) then
    return jsonb_build_object('busy', true);
  end if;
  select * into m from public.messages
    where id = (r.log ->> 'message_id')::uuid and run_id = v_run_id and user_id = v_user;
  -- What was sent before the last one and came late brings nothing.
  if m.status = 'streaming' and v_number >= r.checkpoint then
    -- What was sent in vain, as far as its sender knows, is in this one.
    delete from private.answer_pieces
      where run_id = v_run_id and checkpoint > (c ->> 'after')::integer;
    insert into private.answer_pieces (run_id, checkpoint, part_index, text_offset, text, part)
      select v_run_id, v_number, d.index, coalesce(d.at, 0), coalesce(d.text, ''), d.part
        from jsonb_to_recordset(c -> 'delta') as d (index integer, at integer, text text, part jsonb);
    if m.replaces is not null and exists (
      select 1 from private.answer_pieces
        where run_id = v_run_id and part ->> 'type' <> 'step-start'
    ) then
      -- The next one does it where the chat is locked.
      perform 1 from public.chats
        where id = m.chat_id and user_id = v_user for no key update skip locked;
      if found then
        perform private.take_place(m);
      end if;
    end if;
  end if;
  update private.token_reservations
    set checkpoint = greatest(checkpoint, v_number),
        used_tokens = greatest(used_tokens, coalesce((c -> 'used' ->> 'input_tokens')::bigint, 0)
          + coalesce((c -> 'used' ->> 'output_tokens')::bigint, 0)),
        log = case when v_number >= r.checkpoint then log || coalesce(c -> 'used', '{}') else log end,
        lease_expires_at = clock_timestamp() + private.lease()
    where run_id = v_run_id and user_id = v_user;
  v_reply := jsonb_build_object('owned', coalesce(m.status = 'streaming', false),
    -- An answer without its question is wanted by nobody.
    'stop_requested', m.stop_requested_at is not null or (m.id is not null and m.parent_id is null));
  if c -> 'reserve' is not null and private.reserve_tokens(v_user, v_run_id,
      (c -> 'reserve' ->> 'limit')::bigint, (c -> 'reserve' ->> 'tokens')::bigint,
      (c -> 'reserve' ->> 'tokens')::bigint) is null then
    v_reply := v_reply
      || jsonb_build_object('over_limit', private.over_limit(v_user, c -> 'reserve'));
  end if;
  return v_reply;
end;
$$;

-- Saves what is new of answers that are being written and renews their leases, each by itself. Of each:
-- {run, user_id?, number, after, delta?, used?, reserve?}. number counts the run's checkpoints; the delta,
-- [{index, at?, text?, part?}], begins where the one with the number "after" ended: at this many bytes of
-- the part with this index comes this text, and "part" is the part without its text, where that is new.
-- used is the estimate so far, with the model, the provider and the price where they are known; reserve
-- is {limit, tokens}: what a daily limit wants reserved in all from here on.
-- Answers for each, in their order: {owned, stop_requested, over_limit?}, {busy} where it is to be sent
-- again, or {error}. With the service key user_id names the user.
create function public.save_checkpoints(p_checkpoints jsonb) returns jsonb
  language plpgsql set search_path = '' set lock_timeout = '1s' as $$
declare
  c jsonb;
  v_reply jsonb;
  v_replies jsonb[] := '{}';
begin
  for c in select value from jsonb_array_elements(p_checkpoints) loop
    begin
      v_reply := private.save_checkpoint(c);
    exception
      when lock_not_available or deadlock_detected then
        v_reply := jsonb_build_object('busy', true);
      when others then
        v_reply := jsonb_build_object('error', sqlerrm);
    end;
    v_replies := v_replies || v_reply;
  end loop;
  return to_jsonb(v_replies);
end;
$$;

-- What a run has saved after a checkpoint: {checkpoint, delta, model?, provider?}; null if its lease does
-- not hold. For its user.
create function private.pieces_after(p_user_id uuid, p_run_id uuid, p_after bigint) returns jsonb
  language sql stable security definer set search_path = ''
  as $$
    select jsonb_strip_nulls(jsonb_build_object('checkpoint', r.checkpoint,
        'model', r.log -> 'model', 'provider', r.log -> 'provider'))
      || jsonb_build_object('delta', coalesce((
          select jsonb_agg(jsonb_build_object('index', p.part_index, 'at', p.text_offset,
              'text', p.text, 'part', p.part) order by p.checkpoint, p.part_index)
            from private.answer_pieces p
            where p.run_id = r.run_id and p.checkpoint > p_after
        ), '[]'))
      from private.token_reservations r
      where r.run_id = p_run_id and r.user_id = p_user_id and r.user_id = auth.uid()
        and r.lease_expires_at >= clock_timestamp()
  $$;

-- What is new of an answer that is being written, for who has read it up to a checkpoint: as
-- private.pieces_after, or {message} when it has ended or is not saved in pieces. Null if there is none.
create function public.follow_answer(p_message_id uuid, p_after bigint) returns jsonb
  language plpgsql stable set search_path = '' as $$
declare
  m public.messages;
  v_pieces jsonb;
begin
  select * into m from public.messages where id = p_message_id and user_id = auth.uid();
  if not found then
    return null;
  end if;
  if m.status = 'streaming' and m.parts = '[]' then
    v_pieces := private.pieces_after(m.user_id, m.run_id, p_after);
  end if;
  return coalesce(v_pieces, jsonb_build_object('message', private.message_json(m)));
end;
$$;

---------------------------------------------------------------------------------------------- ends

-- Ends a streaming row whose run is locked, with what the run has saved; the row, or null.
create function private.end_with_saved(m public.messages, p_status text) returns public.messages
  language plpgsql set search_path = '' as $$
begin
  m := private.as_saved(m);
  update public.messages
    set status = p_status, finish_reason = p_status, content = m.content, parts = m.parts,
        model = m.model, metadata = m.metadata, usage = m.usage, cost_usd = m.cost_usd
    where id = m.id and user_id = m.user_id and status = 'streaming'
    returning * into m;
  return m;
end;
$$;

-- Ends the chat's streaming row if its lease has lapsed; its usage is the last estimate saved with
-- it.
create or replace function private.end_lapsed(p_user_id uuid, p_chat_id uuid) returns void
  language plpgsql set search_path = '' as $$
declare
  m public.messages;
begin
  select * into m from public.messages
    where chat_id = p_chat_id and user_id = p_user_id and status = 'streaming'
      and lease_expires_at < clock_timestamp();
  if not found or private.lock_run(p_user_id, m.run_id) >= clock_timestamp() then
    return;
  end if;
  select * into m from public.messages
    where id = m.id and user_id = p_user_id and status = 'streaming'
      and lease_expires_at < clock_timestamp();
  if not found then
    return;
  end if;
  m := private.end_with_saved(m, 'interrupted');
  if m.run_id is not null then
    perform private.record_lapsed_usage(p_user_id, m.run_id, m.chat_id, m.id, coalesce(m.usage, '{}')
      || jsonb_build_object('operation', 'chat',
           'provider', coalesce(m.metadata ->> 'provider', 'unknown'),
           'model', coalesce(m.model, 'unknown'), 'cost_usd', m.cost_usd,
           'usage_source', 'estimated', 'status', 'interrupted', 'error_code', 'interrupted'));
  end if;
end;
$$;

-- Ends the row of a run that was not heard of again, so that its text outlives the run. What cannot be
-- stored, because somebody has called the functions with nonsense, is passed over.
create function private.end_lapsed_row(r private.token_reservations) returns void
  language plpgsql security definer set search_path = '' as $$
declare
  m public.messages;
begin
  perform private.require_caller(r.user_id);
  select * into m from public.messages
    where id = (r.log ->> 'message_id')::uuid and run_id = r.run_id and user_id = r.user_id
      and status = 'streaming' and lease_expires_at < clock_timestamp();
  if found then
    perform private.end_with_saved(m, 'interrupted');
  end if;
exception when data_exception or integrity_constraint_violation then
  raise warning 'the text of a lapsed run cannot be stored: %', sqlerrm;
end;
$$;

-- Ends the rows of a user's lapsed runs and records their usage, of everybody's for the service role
-- without a user; how many there were.
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
      order by l.lease_expires_at limit 1000 for update skip locked
  loop
    perform private.end_lapsed_row(r);
    delete from private.token_reservations where run_id = r.run_id;
    perform private.record_lapsed_run(r);
    v_counted := v_counted + 1;
  end loop;
  return v_counted;
end;
$$;

-- Inserts the usage of one run. A report replaces an estimate, and so does what the run itself says last;
-- the estimate of a lapsed run, whose error is 'interrupted', only if it is higher: a user may have written
-- what it is taken from.
-- Security definer because users may append to usage_logs but never change it.
create or replace function private.record_usage(
  p_user_id uuid, p_run_id uuid, p_chat_id uuid, p_message_id uuid, p_log jsonb
) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  if p_user_id is null
     or (auth.role() is distinct from 'service_role' and p_user_id is distinct from auth.uid()) then
    raise exception 'not the caller''s usage' using errcode = '42501';
  end if;
  insert into public.usage_logs as u (
    id, user_id, chat_id, message_id, operation, provider, model, input_tokens, output_tokens,
    cached_input_tokens, cache_write_input_tokens, reasoning_tokens, usage_source, cost_usd,
    latency_ms, time_to_first_token_ms, status, error_code, raw)
  values (
    p_run_id, p_user_id,
    (select c.id from public.chats c where c.id = p_chat_id and c.user_id = p_user_id),
    (select m.id from public.messages m
      where m.id = p_message_id and m.chat_id = p_chat_id and m.user_id = p_user_id),
    p_log ->> 'operation', p_log ->> 'provider', p_log ->> 'model',
    coalesce((p_log ->> 'input_tokens')::bigint, 0),
    coalesce((p_log ->> 'output_tokens')::bigint, 0),
    coalesce((p_log ->> 'cached_input_tokens')::bigint, 0),
    coalesce((p_log ->> 'cache_write_input_tokens')::bigint, 0),
    coalesce((p_log ->> 'reasoning_tokens')::bigint, 0),
    p_log ->> 'usage_source', (p_log ->> 'cost_usd')::numeric,
    (p_log ->> 'latency_ms')::bigint, (p_log ->> 'time_to_first_token_ms')::bigint,
    p_log ->> 'status', p_log ->> 'error_code', p_log -> 'raw')
  on conflict (id) do update set
    provider = excluded.provider, model = excluded.model,
    input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
    cached_input_tokens = excluded.cached_input_tokens,
    cache_write_input_tokens = excluded.cache_write_input_tokens,
    reasoning_tokens = excluded.reasoning_tokens, usage_source = excluded.usage_source,
    cost_usd = excluded.cost_usd, latency_ms = excluded.latency_ms,
    time_to_first_token_ms = excluded.time_to_first_token_ms, status = excluded.status,
    error_code = excluded.error_code, raw = excluded.raw
  where u.user_id = excluded.user_id and u.usage_source = 'estimated'
    and (excluded.usage_source <> 'estimated' or excluded.error_code is distinct from 'interrupted'
      or excluded.input_tokens + excluded.output_tokens > u.input_tokens + u.output_tokens);
end;
$$;

-- Reserves for an answer. p_reserve is {limit, input_tokens, overhead_tokens, max_input_tokens,
-- output_tokens, min_output_tokens}: what the server sends besides the history, which is estimated here,
-- what providers may add to it, how much a model can read at the most, and the output cap, which may be
-- lowered to what is left but not below the minimum. Answers {tokens, output_tokens}, or null.
create or replace function private.reserve_for_answer(
  p_user_id uuid, p_run_id uuid, p_reserve jsonb, p_history_tokens bigint
) returns jsonb
  language plpgsql set search_path = '' as $$
declare
  v_input constant bigint := greatest(0, least((p_reserve ->> 'max_input_tokens')::bigint,
    p_history_tokens + coalesce((p_reserve ->> 'input_tokens')::bigint, 0)
      + coalesce((p_reserve ->> 'overhead_tokens')::bigint, 0)));
  v_output constant bigint := greatest(0, (p_reserve ->> 'output_tokens')::bigint);
  v_granted constant bigint := private.reserve_tokens(p_user_id, p_run_id,
    (p_reserve ->> 'limit')::bigint, v_input + v_output,
    v_input + least(v_output, (p_reserve ->> 'min_output_tokens')::bigint));
begin
  return case when v_granted is not null
    then jsonb_build_object('tokens', v_granted, 'output_tokens', v_granted - v_input) end;
end;
$$;

-- The message of a chat whose call of the provider may go on until its run's lease ends, although nothing
-- is being written in the chat: the message was stopped without its owner, or deleted, alone or with the
-- chat, which was then created anew.
create or replace function private.find_call_at_work(p_user_id uuid, p_chat_id uuid) returns uuid
  language plpgsql stable security definer set search_path = '' as $$
begin
  perform private.require_caller(p_user_id);
  return (
    select (r.log ->> 'message_id')::uuid
      from private.token_reservations r
      where r.user_id = p_user_id and r.lease_expires_at > clock_timestamp()
        and r.log ->> 'chat_id' = p_chat_id::text
      limit 1);
end;
$$;

-- Saves the end of an answer for the run that owns it: p_end is {status, finish_reason, is_active,
-- usage_log}. The row and its usage are saved in one transaction; usage is recorded even when the row is
-- gone or owned by another run. Without content it is the text of the parts, without parts what the
-- checkpoints have saved. An answer that has content takes the place of what it replaces. One that was to
-- stop is stopped, unless it is complete all the same.
-- Without p_end it is a checkpoint of the previous release, which brings the whole answer (null content
-- leaves the text as it is) and renews the lease; p_usage is the estimate so far, and p_reserve what a
-- daily limit wants reserved from here on (private.renew_reservation).
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
  select * into m from public.messages
    where chat_id = p_chat_id and user_id = v_user and role = 'assistant' and is_active
    order by created_at desc, id desc limit 1;
  return jsonb_build_object('running', false,
    'message', case when found then private.message_json(m) end);
end;
$$;

--------------------------------------------------------------------------------------------- grants

revoke execute on function private.text_of(jsonb) from public, anon;
revoke execute on function private.saved_parts(uuid) from public, anon;
revoke execute on function private.as_saved(public.messages) from public, anon;
revoke execute on function private.run_is_live(uuid, uuid) from public, anon;
revoke execute on function private.lock_run(uuid, uuid) from public, anon;
revoke execute on function private.save_checkpoint(jsonb) from public, anon;
revoke execute on function private.pieces_after(uuid, uuid, bigint) from public, anon;
revoke execute on function private.end_with_saved(public.messages, text) from public, anon;
revoke execute on function private.end_lapsed_row(private.token_reservations) from public, anon;
grant execute on function private.text_of(jsonb) to authenticated, service_role;
grant execute on function private.as_saved(public.messages) to authenticated, service_role;
grant execute on function private.run_is_live(uuid, uuid) to authenticated, service_role;
grant execute on function private.lock_run(uuid, uuid) to authenticated, service_role;
grant execute on function private.save_checkpoint(jsonb) to authenticated, service_role;
grant execute on function private.pieces_after(uuid, uuid, bigint) to authenticated, service_role;
grant execute on function private.end_with_saved(public.messages, text)
  to authenticated, service_role;

revoke execute on function public.current_content(public.messages) from public, anon;
revoke execute on function public.current_parts(public.messages) from public, anon;
revoke execute on function public.current_metadata(public.messages) from public, anon;
revoke execute on function public.save_checkpoints(jsonb) from public, anon;
revoke execute on function public.follow_answer(uuid, bigint) from public, anon;
grant execute on function public.current_content(public.messages) to authenticated, service_role;
grant execute on function public.current_parts(public.messages) to authenticated, service_role;
grant execute on function public.current_metadata(public.messages) to authenticated, service_role;
grant execute on function public.save_checkpoints(jsonb) to authenticated, service_role;
grant execute on function public.follow_answer(uuid, bigint) to authenticated, service_role;
