-- Script runs and files of the local Supabase: what supabase/migrations/…_script_runs.sql describes,
-- in SQLite's words (see 0002_chats.sql).

create table new_script_runs (
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
      status in ('ok', 'error', 'timeout', 'memory_limit', 'output_limit', 'crashed', 'cancelled')),
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
  bytes integer not null generated always as (
    octet_length(code) + coalesce(octet_length(input), 0) + octet_length(stdout)
      + octet_length(stderr) + coalesce(octet_length(result), 0) + coalesce(octet_length(error), 0)
      + octet_length(files) + octet_length(limits)) virtual,
  constraint script_runs_chat_fkey foreign key (chat_id, user_id) references chats (id, user_id)
) strict;

insert into new_script_runs (id, user_id, chat_id, language, code, input, status, stdout, stderr,
    truncated, result, error, files, duration_ms, limits, created_at)
  select id, user_id, chat_id, language, code, input, status, stdout, stderr,
    truncated, result, error, files, duration_ms, limits, created_at
  from script_runs;
drop trigger chats_script_runs_set_null;
drop table script_runs;
alter table new_script_runs rename to script_runs;

-- It answers how much a user has without reading the rows.
create index script_runs_user_created_idx
  on script_runs (user_id, created_at desc, id desc, bytes);
create index script_runs_chat_idx on script_runs (chat_id);

create trigger chats_script_runs_set_null before delete on chats begin
  update script_runs set chat_id = null where chat_id = old.id and user_id = old.user_id;
end;

create trigger script_runs_forget after insert on script_runs
when (
  select count(*) > 1000 or sum(bytes) > 67108864 from script_runs where user_id = new.user_id
) begin
  delete from script_runs where id in (
    select id from (
      select id, row_number() over newest as runs, sum(bytes) over newest as bytes
      from script_runs
      where user_id = new.user_id
      window newest as (order by created_at desc, id desc rows unbounded preceding)
    ) where runs > 900 or bytes > 58720256
  );
end;

-- The times of files are bounded as those of chats are.
create trigger files_insert_times before insert on files
when new.created_at not between -62135596800000000 and 253370764799999999
  or new.updated_at not between -62135596800000000 and 253370764799999999
begin
  select raise(abort, 'files_times_check');
end;
create trigger files_update_times before update on files
when new.created_at not between -62135596800000000 and 253370764799999999
  or new.updated_at not between -62135596800000000 and 253370764799999999
begin
  select raise(abort, 'files_times_check');
end;

alter table files add column refused_by text
  constraint files_refused_by_check check (length(refused_by) between 1 and 100);
