-- Script runs: the history of what users, and models in their name, have had run.

create table public.script_runs (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid()
    constraint script_runs_user_fkey references auth.users (id) on delete cascade,
  chat_id uuid,
  language text not null
    constraint script_runs_language_check check (language in ('javascript', 'python')),
  code text not null
    constraint script_runs_code_check check (octet_length(code) <= 1048576),
  input jsonb
    constraint script_runs_input_check check (octet_length(input::text) <= 16777216),
  status text not null
    constraint script_runs_status_check check (
      status in ('ok', 'error', 'timeout', 'memory_limit', 'output_limit', 'crashed')),
  stdout text not null default ''
    constraint script_runs_stdout_check check (octet_length(stdout) <= 67108864),
  stderr text not null default ''
    constraint script_runs_stderr_check check (octet_length(stderr) <= 67108864),
  truncated boolean not null default false,
  result jsonb
    constraint script_runs_result_check check (octet_length(result::text) <= 67108864),
  error jsonb
    constraint script_runs_error_check
      check (jsonb_typeof(error) = 'object' and octet_length(error::text) <= 1048576),
  -- The files as they were when the script had written them.
  files jsonb not null default '[]'
    constraint script_runs_files_check
      check (jsonb_typeof(files) = 'array' and octet_length(files::text) <= 1048576),
  duration_ms bigint not null
    constraint script_runs_duration_ms_check check (duration_ms >= 0),
  limits jsonb not null default '{}'
    constraint script_runs_limits_check
      check (jsonb_typeof(limits) = 'object' and octet_length(limits::text) <= 65536),
  created_at timestamptz not null default clock_timestamp(),
  constraint script_runs_chat_fkey foreign key (chat_id, user_id)
    references public.chats (id, user_id) on delete set null (chat_id)
);

create index script_runs_user_created_idx on public.script_runs
  (user_id, created_at desc, id desc);
create index script_runs_chat_idx on public.script_runs (chat_id);

alter table public.script_runs enable row level security;

create policy script_runs_select on public.script_runs for select to authenticated
  using ((select auth.uid()) = user_id);
create policy script_runs_insert on public.script_runs for insert to authenticated
  with check ((select auth.uid()) = user_id);
create policy script_runs_delete on public.script_runs for delete to authenticated
  using ((select auth.uid()) = user_id);

revoke all on public.script_runs from anon;
revoke all on public.script_runs from authenticated;

-- A run can be forgotten, not rewritten, and its time is the database's.
grant select, delete on public.script_runs to authenticated;
grant insert (
  id, user_id, chat_id, language, code, input, status, stdout, stderr, truncated, result, error,
  files, duration_ms, limits
) on public.script_runs to authenticated;
grant all on public.script_runs to service_role;
