-- Script runs: they can be cancelled, and one user's never take more than a bounded room. Files: times
-- that every client can read, and which provider has refused a file.

---------------------------------------------------------------------------------------- script runs

alter table public.script_runs drop constraint script_runs_status_check;
-- In two steps: the second does not lock others out while it reads the rows.
alter table public.script_runs add constraint script_runs_status_check check (
  status in ('ok', 'error', 'timeout', 'memory_limit', 'output_limit', 'crashed', 'cancelled')
) not valid;
alter table public.script_runs validate constraint script_runs_status_check;

-- Over 1,000 runs or 64 MiB of one user, the newest 900 within 56 MiB stay: so that not every further
-- run has to count them all again. It runs for every insertion, whoever makes it.
create function private.forget_script_runs() returns trigger
  language plpgsql set search_path = '' as $$
declare
  v_user uuid;
begin
  for v_user in select distinct user_id from added loop
    with sizes as (
      select id, created_at,
        coalesce(pg_column_size(code), 0) + coalesce(pg_column_size(input), 0)
          + coalesce(pg_column_size(stdout), 0) + coalesce(pg_column_size(stderr), 0)
          + coalesce(pg_column_size(result), 0) + coalesce(pg_column_size(error), 0)
          + coalesce(pg_column_size(files), 0) + coalesce(pg_column_size(limits), 0) as bytes
      from public.script_runs
      where user_id = v_user
    ), counted as (
      select id, row_number() over newest as runs, sum(bytes) over newest as bytes
      from sizes
      window newest as (order by created_at desc, id desc rows unbounded preceding)
    )
    delete from public.script_runs
      where id in (select id from counted where runs > 900 or bytes > 58720256)
        and exists (select 1 from counted where runs > 1000 or bytes > 67108864);
  end loop;
  return null;
end;
$$;

revoke execute on function private.forget_script_runs() from public;

create trigger script_runs_forget after insert on public.script_runs
  referencing new table as added
  for each statement execute function private.forget_script_runs();

------------------------------------------------------------------------------------------------ files

update public.files
  set created_at = least(greatest(created_at, '0001-01-01Z'), '9998-12-31Z'),
      updated_at = clock_timestamp()
  where least(created_at, updated_at) < '0001-01-01Z'
    or greatest(created_at, updated_at) >= '9999-01-01Z';
-- What JSON and every client can read.
alter table public.files add constraint files_times_check check (
  least(created_at, updated_at) >= '0001-01-01Z'
  and greatest(created_at, updated_at) < '9999-01-01Z'
) not valid;
alter table public.files validate constraint files_times_check;

-- The provider of models that could not read the file, and is not shown it again.
alter table public.files add column refused_by text
  constraint files_refused_by_check check (char_length(refused_by) between 1 and 100);

-- The same again: it returns rows of the table, whose columns it has fixed when it was made.
create or replace function public.search_files(q text) returns setof public.files
  language sql stable
  begin atomic
    select f.* from public.files f where strpos(lower(f.name), lower(q)) > 0;
  end;
