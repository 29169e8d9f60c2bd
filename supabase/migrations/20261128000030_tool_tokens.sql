-- Sign-ins of users at servers of tools. ARCHITECTURE.md ("Sign-ins at servers of tools") says why.
--
-- What is kept is sealed with a key of the server's: the database and its backups hold nothing that can be
-- used. All functions are called with the user's own access token.

create table private.tool_tokens (
  user_id uuid not null constraint tool_tokens_user_fkey references auth.users (id) on delete cascade,
  -- The label of the source in the configuration file.
  source text not null constraint tool_tokens_source_check check (length(source) between 1 and 48),
  sealed text not null constraint tool_tokens_sealed_check check (length(sealed) <= 65536),
  -- Counts what was stored here.
  version bigint not null default 1,
  -- Who refreshes the tokens, until when nobody else does, and how often that was begun.
  run_id uuid,
  leased_until timestamptz,
  attempts integer not null default 0,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (user_id, source)
);
alter table private.tool_tokens enable row level security;
revoke all on private.tool_tokens from public, anon, authenticated;

-- The caller's sign-in at a source: {sealed, version}.
create function private.read_tool_token(p_source text) returns jsonb
  language sql stable security definer set search_path = ''
  as $$
    select jsonb_build_object('sealed', t.sealed, 'version', t.version)
      from private.tool_tokens t
      where t.user_id = auth.uid() and t.source = p_source
  $$;

-- Stores a sign-in, or removes it where there is nothing to store. With a run only if the refresh is still that
-- run's: what somebody else has stored since stays. Whether it is done.
create function private.store_tool_token(
  p_source text,
  p_sealed text default null,
  p_run uuid default null
) returns boolean
  language plpgsql security definer set search_path = '' as $$
begin
  if p_sealed is null then
    delete from private.tool_tokens
      where user_id = auth.uid() and source = p_source and (p_run is null or run_id = p_run);
    return found;
  end if;
  if p_run is not null then
    update private.tool_tokens
      set sealed = p_sealed, version = version + 1, leased_until = null, attempts = 0,
        updated_at = clock_timestamp()
      where user_id = auth.uid() and source = p_source and run_id = p_run;
    return found;
  end if;
  if (select count(*) from private.tool_tokens
        where user_id = auth.uid() and source <> p_source) >= 64 then
    return false;
  end if;
  insert into private.tool_tokens as t (user_id, source, sealed)
    values (auth.uid(), p_source, p_sealed)
    on conflict (user_id, source) do update
      set sealed = excluded.sealed, version = t.version + 1, run_id = null, leased_until = null,
        attempts = 0, updated_at = clock_timestamp();
  return true;
end;
$$;

-- Claims the refresh of the tokens of this version, for 20 seconds. Answers claimed; busy while another run
-- has it; changed if there is another version by now; lost if two refreshes were begun whose outcomes nobody
-- knows; missing without a sign-in.
create function private.take_tool_refresh(p_source text, p_version bigint, p_run uuid) returns text
  language plpgsql security definer set search_path = '' as $$
declare
  t private.tool_tokens;
begin
  select * into t from private.tool_tokens
    where user_id = auth.uid() and source = p_source for update;
  if not found then
    return 'missing';
  end if;
  if t.version <> p_version then
    return 'changed';
  end if;
  if t.leased_until > clock_timestamp() then
    return case when t.run_id = p_run then 'claimed' else 'busy' end;
  end if;
  if t.attempts >= 2 then
    return 'lost';
  end if;
  update private.tool_tokens
    set run_id = p_run, leased_until = clock_timestamp() + interval '20 seconds',
      attempts = t.attempts + 1
    where user_id = auth.uid() and source = p_source;
  return 'claimed';
end;
$$;

-- What is called over the API, as the caller; the functions above look at nobody else's rows.
create function public.tool_token(p_source text) returns jsonb
  language sql stable set search_path = ''
  as $$ select private.read_tool_token(p_source) $$;

create function public.save_tool_token(
  p_source text,
  p_sealed text default null,
  p_run uuid default null
) returns boolean
  language sql set search_path = ''
  as $$ select private.store_tool_token(p_source, p_sealed, p_run) $$;

create function public.claim_tool_refresh(p_source text, p_version bigint, p_run uuid) returns text
  language sql set search_path = ''
  as $$ select private.take_tool_refresh(p_source, p_version, p_run) $$;

revoke execute on function private.read_tool_token(text) from public, anon;
revoke execute on function private.store_tool_token(text, text, uuid) from public, anon;
revoke execute on function private.take_tool_refresh(text, bigint, uuid) from public, anon;
grant execute on function private.read_tool_token(text) to authenticated, service_role;
grant execute on function private.store_tool_token(text, text, uuid) to authenticated, service_role;
grant execute on function private.take_tool_refresh(text, bigint, uuid) to authenticated, service_role;
revoke execute on function public.tool_token(text) from public, anon;
revoke execute on function public.save_tool_token(text, text, uuid) from public, anon;
revoke execute on function public.claim_tool_refresh(text, bigint, uuid) from public, anon;
grant execute on function public.tool_token(text) to authenticated, service_role;
grant execute on function public.save_tool_token(text, text, uuid) to authenticated, service_role;
grant execute on function public.claim_tool_refresh(text, bigint, uuid) to authenticated, service_role;
