-- Script runs of the local Supabase: what supabase/migrations describes, in SQLite's words (see
-- 0002_chats.sql).

create table script_runs (
  id text not null constraint script_runs_pkey primary key default (gen_random_uuid()),
  user_id text not null
    constraint script_runs_user_fkey references auth_users (id) on delete cascade,
  chat_id text,
  language text not null
    constraint script_runs_language_check check (language in ('javascript', 'python')),
  code text not null
    constraint script_runs_code_check check (octet_length(code) <= 1048576),
  input text
    constraint script_runs_input_check check (octet_length(input) <= 16777216),
  status text not null
    constraint script_runs_status_check check (
      status in ('ok', 'error', 'timeout', 'memory_limit', 'output_limit', 'crashed')),
  stdout text not null default ''
    constraint script_runs_stdout_check check (octet_length(stdout) <= 67108864),
  stderr text not null default ''
    constraint script_runs_stderr_check check (octet_length(stderr) <= 67108864),
  truncated integer not null default 0,
  result text
    constraint script_runs_result_check check (octet_length(result) <= 67108864),
  error text
    constraint script_runs_error_check
      check (substr(error, 1, 1) = '{' and octet_length(error) <= 1048576),
  files text not null default '[]'
    constraint script_runs_files_check
      check (substr(files, 1, 1) = '[' and octet_length(files) <= 1048576),
  duration_ms integer not null
    constraint script_runs_duration_ms_check check (duration_ms >= 0),
  limits text not null default '{}'
    constraint script_runs_limits_check
      check (substr(limits, 1, 1) = '{' and octet_length(limits) <= 65536),
  created_at integer not null default (clock_timestamp()),
  constraint script_runs_chat_fkey foreign key (chat_id, user_id) references chats (id, user_id)
) strict;

create index script_runs_user_created_idx on script_runs (user_id, created_at desc, id desc);
create index script_runs_chat_idx on script_runs (chat_id);

create trigger chats_script_runs_set_null before delete on chats begin
  update script_runs set chat_id = null where chat_id = old.id and user_id = old.user_id;
end;
